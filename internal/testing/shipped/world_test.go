package shipped

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/standin"
)

// certificates are this machine's: a build reaches registries through the same proxies as the machine does.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// world is a user with an engine whose containers may be privileged, and a Debian made from Debian's packages in it.
type world struct {
	*drive.Rig
	source  string // of this project
	gateway string // this machine, as containers see it
	repo    string // the user's
}

func newWorld(t *testing.T, source string) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "hjk-") //nolint:usetesting // the engine's socket needs a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	engine, err := drive.StartPowerful(filepath.Join(dir, "e"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := &world{source: source}
	if w.gateway, err = engine.Gateway(); err != nil {
		t.Fatal(err)
	}
	if w.Rig, err = drive.New(filepath.Join(dir, "home"), engine.Host()); err != nil {
		t.Fatal(err)
	}
	if w.repo, err = w.Repo("repo", map[string]string{"README": "a project\n"}); err != nil {
		t.Fatal(err)
	}
	w.debian(t, filepath.Join(dir, "debian"))
	return w
}

// distribution is the name of the Debian that is made here.
const distribution = "hjk-images/debian:trixie"

func (w *world) debian(t *testing.T, dir string) {
	t.Helper()
	w.must(t, w.source, "debootstrap", "--variant=minbase", "trixie", dir, "http://deb.debian.org/debian")
	w.must(t, w.source, "sh", "-ec", "tar -C "+dir+" --numeric-owner -c . | docker import - "+distribution)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

// config writes the user's config.yaml.
func (w *world) config(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(w.Dir, "config", "headjack", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// write makes a file of the user's repository.
func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.repo, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (w *world) must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := w.Do(dir, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hjk runs hjk-ls in the user's repository.
func (w *world) hjk(t *testing.T, args ...string) {
	t.Helper()
	w.must(t, w.repo, w.Bin, args...)
}

// remove deletes an instance and looks that it went.
func (w *world) remove(t *testing.T, branch string) {
	t.Helper()
	w.hjk(t, "rm", branch, "--force")
	if i, err := w.Instance(w.repo, branch); err != nil || i != nil {
		t.Errorf("%s is still there: %v %v", branch, i, err)
	}
}

// inside runs a script in the container of a branch, in its worktree, as its sessions' user.
func (w *world) inside(t *testing.T, branch, script string) string {
	t.Helper()
	i, err := w.Instance(w.repo, branch)
	if err != nil || i == nil || i.Container == nil {
		t.Fatalf("no container of %s: %v", branch, err)
	}
	return w.must(t, w.repo, "docker", "exec", "-u", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "-w", i.Worktree, i.Container.ID, "bash", "-lc", script)
}

// throwaway runs a script in a container of an image, as somebody the image has never heard of.
func (w *world) throwaway(t *testing.T, image, script string) (string, error) {
	t.Helper()
	return w.Do(w.repo, "docker", "run", "--rm", "-u", "12345:12345", "-e", "HOME=/var/tmp", image, "bash", "-c", script)
}

// until asks again until the answer matches.
func until(t *testing.T, pattern string, patience time.Duration, ask func() (string, error)) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(patience); ; time.Sleep(time.Second) {
		out, err := ask()
		if re.MatchString(out) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%q did not come: %v\n%s", pattern, err, out)
		}
	}
}

// service lets containers reach a handler on this machine.
func (w *world) service(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(w.gateway, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

func newStandin() *standin.Service { return &standin.Service{Text: "STANDIN-ANSWERS"} }

// registry is one with nothing in it.
func (w *world) registry(t *testing.T) string {
	t.Helper()
	r, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r.Host
}
