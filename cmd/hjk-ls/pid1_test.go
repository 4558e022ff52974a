package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestImagesDoNotLeadPID1 has images that tell PID 1, which is root in the container, that its folders or the home are in the
// checkout, where a folder belongs to somebody else than the user, and that their user database is a file there. It is neither
// given away nor written to. The control is a program that does both by path, in a container with the same mounts.
func TestImagesDoNotLeadPID1(t *testing.T) {
	const other = 4321
	r := newRig(t)
	sock := strings.TrimPrefix(r.Host, "unix://")
	must(t, os.Chmod(filepath.Dir(sock), 0o711))
	must(t, os.Chown(sock, 0, group))
	must(t, os.Chmod(sock, 0o660))
	must(t, os.Chmod(filepath.Dir(r.Dir), 0o755))
	data := filepath.Join(r.repo, "data")
	home := "RUN echo dev:x:1000:1000::/home/dev:/bin/bash >>/etc/passwd && mkdir -p /home && ln -s " + data + " /home/dev\nUSER dev\n"
	key := filepath.Join(data, "sessions/key")
	for name, text := range map[string]string{"home": home, "passwd": "RUN ln -sf " + key + " /etc/passwd; ln -sf " + key + " /etc/group\n", "env": "ENV HJK_SHIM_RUN=" + data + "\nENV HJK_SHIM_SOCK=" + data + "\n"} {
		r.write("Dockerfile."+name, "FROM hjk-test/tmux:1\n"+text)
	}
	r.sh(`git add -A; git commit -qm images; chown -R 12345:12345 "$HOME"; chmod 755 "$HOME"
mkdir -p data/sessions data/12345; echo private >data/sessions/key; chown -R 4321:4321 data; chmod 700 data data/*`)
	given := func() (all []string) {
		must(t, filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
			if fi, err := e.Info(); err == nil && fi.Sys().(*syscall.Stat_t).Uid != other {
				all = append(all, path)
			}
			return err
		}))
		return all
	}
	as := func(args ...string) {
		t.Helper()
		if _, err := r.Do(r.repo, "setpriv", append([]string{"--reuid", "12345", "--regid", "12345", "--groups", "12346", r.Bin}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	for _, image := range []string{"env", "passwd", "home"} {
		as("run", "main", "--detach", "--image", "./Dockerfile."+image)
		if all := given(); len(all) > 0 {
			t.Errorf("%s: given away: %v", image, all)
		}
		if b, err := os.ReadFile(key); err != nil || string(b) != "private\n" {
			t.Errorf("%s: %s %v", image, b, err)
		}
		as("stop", "main")
		if image == "home" {
			break
		}
		as("rm", "main", "--force")
	}
	volume := r.docker("volume", "ls", "-q", "--filter", "name=hjk-main-")
	tag := strings.Fields(r.sh("docker images --format '{{.Repository}}:{{.Tag}}' 'headjack/hjk-*'"))[0]
	r.docker("run", "--rm", "--user", "0", "-v", volume+":/home/dev", "-v", r.repo+":"+r.repo, tag, "sh", "-c", "echo hjk >>/home/dev/sessions/key; chown -R 12345:12345 /home/dev/")
	if b, err := os.ReadFile(key); err != nil || string(b) == "private\n" || len(given()) == 0 {
		t.Error("the control: the home does not lead into the checkout, so this shows nothing")
	}
	as("rm", "main", "--force")
	r.nothingLeft("in the end")
}
