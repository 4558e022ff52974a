package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// user is who sessions run as.
type user struct {
	uid, gid int
	home     string
	caches   []string // folders that are volumes of their own

	listening bool // whether PID 1 tells who listens
}

func parseUser(id, home string) (user, error) {
	u, g, ok := strings.Cut(id, ":")
	uid, err1 := strconv.Atoi(u)
	gid, err2 := strconv.Atoi(g)
	if !ok || err1 != nil || err2 != nil || uid < 0 || gid < 0 {
		return user{}, fmt.Errorf("--user %q is not UID:GID", id)
	}
	return user{uid: uid, gid: gid, home: home}, nil
}

// prepare makes the container usable for u. All of it is best effort: an image with a read-only root works too, its
// programs just find no name for the user.
func prepare(u user) {
	if os.Getuid() == 0 {
		name(u)
		own(u)
		for _, c := range u.caches {
			own(user{uid: u.uid, gid: u.gid, home: c})
		}
		openSockets(u)
	}
	give(runDir, shim.SessionsDir, u)
	trust()
	markEnded(true, func(shim.State) bool { return true }) // whatever ran, ran before this boot
	ready()
}

// give makes a folder below dir, which may be there, and gives it to the user if PID 1 is root. Whoever may write to dir can have
// put anything there, such as a link to /etc: that goes, and what is given is what is held.
func give(dir, name string, u user) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	if fi, err := root.Lstat(name); err == nil && !fi.IsDir() {
		_ = root.Remove(name)
	}
	_ = root.Mkdir(name, 0o700)
	made, err := distrust.OpenDir(root, name)
	if err != nil {
		return
	}
	defer made.Close()
	if f, err := made.Open("."); err == nil && os.Getuid() == 0 {
		_ = f.Chown(u.uid, u.gid)
		_ = f.Close()
	}
}

// ready tells that prepare is done.
func ready() { say(readyName) }

// say leaves an empty file for who looks for it. It lies on a tmpfs, so that each boot has its own.
func say(name string) {
	root, err := os.OpenRoot(sockDir)
	if err != nil {
		return
	}
	defer root.Close()
	_ = distrust.Write(root, name, nil, 0o644)
}

// sayStopping tells that all processes are asked to end, before they are.
func sayStopping() { say(stoppingName) }

// stopping reports whether the container is being stopped: what ends then did not end by itself.
func stopping() bool {
	_, err := os.Stat(filepath.Join(sockDir, stoppingName))
	return err == nil
}

// openSockets makes the user's folder for sockets. The engine asks for a tmpfs that all may write to, but runc gives it
// the mode of the folder below when a container is started again.
func openSockets(u user) {
	give(sockDir, strconv.Itoa(u.uid), u)
}

// readyFile tells that prepare is done.
func readyFile() string { return filepath.Join(sockDir, readyName) }

const (
	readyName    = "ready"
	stoppingName = "stopping"
)

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
	ensureLine("group", u.gid, fmt.Sprintf("%s:x:%d:\n", login, u.gid))
	ensureLine("passwd", u.uid, fmt.Sprintf("%s:x:%d:%d::%s:%s\n", login, u.uid, u.gid, home, firstShell()))
}

// ensureLine appends line to a file of /etc unless some line has id in its third field. The image may have a link there that
// leads to the worktree, to a file that the user may not write.
func ensureLine(file string, id int, line string) {
	etc := held("etc")
	if etc == nil {
		return
	}
	defer etc.Close()
	f, err := etc.OpenFile(file, os.O_CREATE|os.O_RDWR|os.O_APPEND|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return
	}
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

// held is a folder of the container's top, which is made; nil where there is something else.
func held(name string) *os.Root {
	top, err := os.OpenRoot("/")
	if err != nil {
		return nil
	}
	defer top.Close()
	_ = top.Mkdir(name, 0o755)
	dir, err := distrust.OpenDir(top, name)
	if err != nil {
		return nil
	}
	return dir
}

func firstShell() string {
	for _, sh := range shells {
		if executable(sh) {
			return sh
		}
	}
	return "/sbin/nologin"
}

// own gives the home to the user: a new volume belongs to root, or to whom the image made it for. Nothing is followed out of it.
func own(u user) {
	if u.home == "" || u.home == "/" {
		return
	}
	home, err := os.OpenRoot(u.home)
	if err != nil {
		return
	}
	defer home.Close()
	points := mountsIn(u.home)
	uid, gid, err := owner(home)
	switch {
	case err != nil || len(points) == 0 && uid == u.uid && gid == u.gid || !isVolume(u.home, home):
		return
	case uid == u.uid && gid == u.gid:
		leadTo(home, points, u)
		return
	}
	_ = distrust.Walk(context.Background(), home, ".", math.MaxInt, func(path string, _ fs.DirEntry) error {
		if slices.Contains(points, path) { // what is mounted there is the host's, or another volume
			return fs.SkipDir
		}
		_ = home.Lchown(path, u.uid, u.gid)
		return nil
	})
	_ = home.Chown(".", u.uid, u.gid)
}
