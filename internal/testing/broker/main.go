//go:build linux

// Command broker does for tests that run as an ordinary user what only root may: it starts, stops and kills engines below
// one folder, fills them with the tests' images, and mounts small file systems below the user's own folder.
//
//	broker DIR GROUP
//
// It listens on DIR/broker for GROUP, a number. Engines are in DIR/e; DIR/tmp is what it mounts below. At SIGTERM it stops
// every engine, unmounts everything, and ends.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		os.Exit(1)
	}
}

// broker serves one user.
type broker struct {
	engines, tmp string // folders

	mu     sync.Mutex
	mounts map[string]bool
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: broker DIR GROUP")
	}
	group, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	b := &broker{engines: filepath.Join(args[0], "e"), tmp: filepath.Join(args[0], "tmp"), mounts: map[string]bool{}}
	sock := filepath.Join(args[0], "broker")
	l, err := net.Listen("unix", sock)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(b.engines, 0o755), os.Chown(sock, 0, group), os.Chmod(sock, 0o660)); err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		_ = l.Close()
	}()
	var all sync.WaitGroup
	for {
		c, err := l.Accept()
		if err != nil {
			all.Wait()
			return b.end()
		}
		all.Go(func() { b.serve(c) })
	}
}

// serve answers one request: an empty line is success, another says what went wrong.
func (b *broker) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	var ask drive.Ask
	if err := json.NewDecoder(c).Decode(&ask); err != nil {
		return
	}
	text := ""
	if err := b.do(ask); err != nil {
		text = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	_, _ = fmt.Fprintln(c, text)
}

func (b *broker) do(ask drive.Ask) error {
	switch ask.Verb {
	case "tmpfs", "umount":
		return b.small(ask)
	case "start", "stop", "down", "kill", "crash", "up", "images":
	default:
		return fmt.Errorf("%q is not known", ask.Verb)
	}
	if filepath.Dir(ask.Dir) != b.engines {
		return fmt.Errorf("%s is not in %s", ask.Dir, b.engines)
	}
	return drive.Engineer(ask)
}

// small mounts a small file system on a folder of the user's, or unmounts it.
func (b *broker) small(ask drive.Ask) error {
	dir, err := filepath.EvalSymlinks(ask.Dir)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(dir, b.tmp+"/") {
		return fmt.Errorf("%s is not below %s", dir, b.tmp)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ask.Verb == "umount" {
		if !b.mounts[dir] {
			return nil
		}
		delete(b.mounts, dir)
		return exec.Command("umount", "-l", dir).Run()
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=1777,size="+ask.Size, "tmpfs", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	b.mounts[dir] = true
	return nil
}

func (b *broker) end() error {
	left, err := filepath.Glob(filepath.Join(b.engines, "*"))
	errs := []error{err}
	for _, dir := range left {
		errs = append(errs, drive.Engineer(drive.Ask{Verb: "stop", Dir: dir}))
	}
	for dir := range b.mounts {
		errs = append(errs, exec.Command("umount", "-l", dir).Run())
	}
	return errors.Join(errs...)
}
