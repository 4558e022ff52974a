package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// user is who sessions run as.
type user struct {
	uid, gid int
	home     string
}

func parseUser(id, home string) (user, error) {
	u, g, ok := strings.Cut(id, ":")
	uid, err1 := strconv.Atoi(u)
	gid, err2 := strconv.Atoi(g)
	if !ok || err1 != nil || err2 != nil || uid < 0 || gid < 0 {
		return user{}, fmt.Errorf("--user %q is not UID:GID", id)
	}
	return user{uid, gid, home}, nil
}

// prepare makes the container usable for u. All of it is best effort: an image with a read-only root works too, its
// programs just find no name for the user.
func prepare(u user) {
	if os.Getuid() == 0 {
		name(u)
		own(u)
		openSockets(u)
	}
	sessions := filepath.Join(runDir, shim.SessionsDir)
	_ = os.MkdirAll(sessions, 0o700)
	if os.Getuid() == 0 {
		_ = os.Chown(sessions, u.uid, u.gid)
	}
	markEnded(func(shim.State) bool { return true }) // whatever ran, ran before this boot
	_ = os.WriteFile(readyFile(), nil, 0o644)
}

// openSockets makes the user's folder for sockets. The engine asks for a tmpfs that all may write to, but runc gives it
// the mode of the folder below when a container is started again.
func openSockets(u user) {
	dir := filepath.Join(sockDir, strconv.Itoa(u.uid))
	_ = os.MkdirAll(dir, 0o700)
	_ = os.Chown(dir, u.uid, u.gid)
}

// readyFile tells that prepare is done. It lies on a tmpfs, so that each boot has its own.
func readyFile() string { return filepath.Join(sockDir, "ready") }

// awaitReady waits for PID 1 to have prepared the container: what starts a session may be faster.
func awaitReady() error {
	for range 500 {
		if _, err := os.Stat(readyFile()); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the container was not prepared in time")
}

// name gives the user an entry in the user database, where it has none: shells, git and ssh refuse to work without.
func name(u user) {
	home := u.home
	if home == "" {
		home = "/"
	}
	login := fmt.Sprintf("hjk%d", u.uid)
	ensureLine("/etc/group", u.gid, fmt.Sprintf("%s:x:%d:\n", login, u.gid))
	ensureLine("/etc/passwd", u.uid, fmt.Sprintf("%s:x:%d:%d::%s:%s\n", login, u.uid, u.gid, home, firstShell()))
}

// ensureLine appends line unless some line has id in its third field.
func ensureLine(file string, id int, line string) {
	_ = os.MkdirAll(filepath.Dir(file), 0o755)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	last := byte('\n')
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fields := strings.Split(sc.Text(), ":")
		if len(fields) > 2 && fields[2] == strconv.Itoa(id) {
			return
		}
	}
	if fi, err := f.Stat(); err == nil && fi.Size() > 0 {
		var b [1]byte
		if _, err := f.ReadAt(b[:], fi.Size()-1); err == nil {
			last = b[0]
		}
	}
	if last != '\n' {
		line = "\n" + line
	}
	_, _ = f.WriteString(line)
}

func firstShell() string {
	for _, sh := range shells {
		if executable(sh) {
			return sh
		}
	}
	return "/sbin/nologin"
}

// own gives the home to the user: a new volume belongs to root, or to whom the image made it for.
func own(u user) {
	var st syscall.Stat_t
	if u.home == "" || u.home == "/" || syscall.Stat(u.home, &st) != nil {
		return
	}
	if int(st.Uid) == u.uid && int(st.Gid) == u.gid {
		return
	}
	_ = filepath.WalkDir(u.home, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			_ = os.Lchown(path, u.uid, u.gid)
		}
		return nil
	})
}
