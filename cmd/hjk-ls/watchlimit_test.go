package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// watches counts the inotify watches of a process.
func watches(t *testing.T, pid int) int {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range infos {
		b, _ := os.ReadFile(f)
		n += strings.Count(string(b), "inotify wd:")
	}
	return n
}

// TestFoldersThatNothingReadsCostNoWatch has many folders beside the few that COPY reads.
func TestFoldersThatNothingReadsCostNoWatch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.inputs()
	for i := range 2000 {
		dir := filepath.Join(r.repo, "node_modules", fmt.Sprint(i/50), fmt.Sprint(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write("src/deep/a", "1")
	r.write(".gitignore", "node_modules\n")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY src /src\n")
	e := r.edit(drive.Editor{})
	if n := watches(t, e.Pid()); n < 3 || n > 20 {
		t.Errorf("%d watches for two folders", n)
	}
	r.write(".dockerignore", "node_modules\n")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY . /src\n")
	e.built("succeeded")
	if n := watches(t, e.Pid()); n < 3 || n > 60 {
		t.Errorf("%d watches without what .dockerignore names", n)
	}
	r.write("src/new/deep/b", "2")
	e.built("succeeded")
	r.write("src/new/deep/b", "3")
	e.built("succeeded")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\n")
	e.built("succeeded")
	time.Sleep(300 * time.Millisecond)
	if n := watches(t, e.Pid()); n > 20 {
		t.Errorf("%d watches when nothing is read any more", n)
	}
}

// TestWhereTheSystemHasNoMoreWatches limits them in a user namespace of the server's own.
func TestWhereTheSystemHasNoMoreWatches(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]string{"watches": "max_inotify_watches", "instances": "max_inotify_instances"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.inputs()
			for i := range 50 {
				r.write(fmt.Sprintf("src/%d/a", i), "1")
			}
			r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY src /src\n")
			few := map[string]string{"watches": "10", "instances": "0"}[name]
			e := r.edit(drive.Editor{Wrap: []string{
				"unshare", "--user", "--map-root-user", "sh", "-c", "echo " + few + " > /proc/sys/user/" + limit + ` && exec "$@"`, "sh",
			}})
			e.await("window/showMessage", "Changes of Dockerfiles are looked for every second")
			for i := range 3 {
				want := rand.Text()
				r.write(fmt.Sprintf("src/%d/a", 49-i), want)
				if got := r.cat(e.built("succeeded").Image, fmt.Sprintf("/src/%d/a", 49-i)); got != want {
					t.Fatalf("built with %q", got)
				}
			}
			time.Sleep(3 * time.Second)
			if _, again := e.next("window/showMessage", "looked for"); again {
				t.Error("told twice")
			}
			e.silent("nothing changed")
		})
	}
}

func TestSaveWhileTheEngineIsDown(t *testing.T) {
	t.Parallel()
	engine := ownEngine(t, "")
	r := rigOn(t, engine.Host())
	e := r.edit(drive.Editor{})
	if err := engine.Down(); err != nil {
		t.Fatal(err)
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo down > /all\n")
	e.silent("there is no engine")
	if err := engine.Up(); err != nil {
		t.Fatal(err)
	}
	if got := r.cat(e.built("succeeded").Image, "/all"); got != "down" {
		t.Fatalf("built %q", got)
	}
	e.silent("it is built once")
}
