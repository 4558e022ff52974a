//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// What a command may take and say at most.
const (
	mostMemory   = 200 << 10 // kB, of hjk-ls
	mostChildren = 700 << 10 // kB, of git, which it starts
	mostOutput   = 64 << 20
)

// brokenError says that something does not hold that always has to. Every other error of an operation is a refusal.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func broken(format string, args ...any) error {
	return &brokenError{fmt.Sprintf(format, args...)}
}

// memory is the most that a hjk-ls, and that a process which one started, has had, in kB.
type memory struct{ own, children atomic.Int64 }

func raise(v *atomic.Int64, to int64) {
	for {
		was := v.Load()
		if to <= was || v.CompareAndSwap(was, to) {
			return
		}
	}
}

// resident is the most memory that a process has had, in kB.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			return kb
		}
	}
	return 0
}

// hjk runs hjk-ls in dir as the user and holds it to what it promises.
func (w *world) hjk(dir string, args ...string) error {
	out, err := os.CreateTemp(w.dir, "out")
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(out.Close(), os.Remove(out.Name())) }()
	cmd := w.rig.Cmd(dir, w.rig.Bin, append(args, "--json")...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	own, late := w.watch(cmd)
	raise(&w.most.own, own)
	text, rerr := output(out)
	if rerr != nil {
		return rerr
	}
	if late {
		return broken("it took longer than %v:\n%s", w.limit, tail(text, 12000))
	}
	if own > mostMemory {
		return broken("it took %d MB of memory", own>>10)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		raise(&w.most.children, usage.Maxrss)
		if usage.Maxrss > mostChildren {
			return broken("a process that it started took %d MB of memory", usage.Maxrss>>10)
		}
	}
	if args[0] == "doctor" && cmd.ProcessState.ExitCode() == 1 { // it tells of something that is to be mended
		return w.clean(text)
	}
	return w.judge(cmd.ProcessState, text)
}

// ends asks a command by SIGTERM to end, which it has to do soon, whatever it waits for.
func (w *world) ends(after time.Duration, args ...string) error {
	cmd := w.rig.Cmd(w.repo, w.rig.Bin, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer timer.Stop()
	if _, late := w.watch(cmd); late {
		return broken("SIGTERM did not end it within %v", w.limit)
	}
	return nil
}

// watch waits for a command's end. One that is late is asked for its goroutines and killed, with what it started.
func (w *world) watch(cmd *exec.Cmd) (most int64, late bool) {
	pid := cmd.Process.Pid
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	look := time.NewTicker(25 * time.Millisecond)
	defer look.Stop()
	limit := time.After(w.limit)
	patience := (<-chan time.Time)(nil)
	var started []int
	for {
		select {
		case <-ended:
			kill(started...)
			return most, late
		case <-patience:
			kill(pid)
		case <-look.C:
			most = max(most, resident(pid))
			if most > 10*mostMemory { // before the machine has no more
				kill(append(below(pid), pid)...)
			}
		case <-limit:
			late = true
			started = below(pid)
			_ = syscall.Kill(pid, syscall.SIGQUIT)
			patience = time.After(2 * time.Second)
		}
	}
}

// below are the processes that a process has started, and those that they have.
func below(pid int) []int {
	var all []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		for f := range strings.FieldsSeq(string(b)) {
			child, _ := strconv.Atoi(f)
			all = append(append(all, child), below(child)...)
		}
	}
	return all
}

func kill(pids ...int) {
	for _, p := range pids {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}

func output(f *os.File) ([]byte, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if fi.Size() > mostOutput {
		return nil, broken("it printed %d MB", fi.Size()>>20)
	}
	return os.ReadFile(f.Name())
}

// judge looks at how a command ended and at what it printed.
func (w *world) judge(st *os.ProcessState, text []byte) error {
	if err := w.clean(text); err != nil {
		return err
	}
	if st.Success() {
		return nil
	}
	err := drive.Coded(errors.New(string(text)))
	var e *drive.Error
	if !errors.As(err, &e) {
		return broken("it ended with %v and without a code: %s", st, tail(text, 3000))
	}
	return unexpected(e)
}

// unexpected is broken for the code of what should not be, else the refusal itself.
func unexpected(e *drive.Error) error {
	if e.Data.Code == "internal" {
		return broken("%v", e)
	}
	return e
}

// clean looks for the user's secret and for what moves a cursor.
func (w *world) clean(text []byte) error {
	if bytes.Contains(text, []byte(w.canary.token)) {
		return broken("it tells a secret of the user's: %s", tail(text, 3000))
	}
	for i, b := range text {
		if b < ' ' && b != '\n' && b != '\t' || b == 0x7f {
			return broken("it prints a control character: %q", text[max(0, i-200):min(len(text), i+100)])
		}
	}
	return nil
}

func tail(b []byte, most int) []byte { return b[max(0, len(b)-most):] }

func isBroken(err error) bool {
	var b *brokenError
	return errors.As(err, &b)
}
