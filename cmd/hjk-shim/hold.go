package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// holder keeps one session: it is the parent of the program, knows whether it waits for its user, and writes down how
// it ended.
type holder struct {
	cmd *exec.Cmd
	tty *os.File // the terminal's master

	screen  *screen
	at      *attention
	adopts  bool // all processes of the session descend from this one
	starved int  // what the kernel had killed for want of memory before this session

	typing sync.Mutex // held while somebody writes to the terminal: a text comes through whole

	mu       sync.Mutex // guards what follows
	st       shim.State
	attached int // viewers
	ended    bool
	killed   bool // by "session kill"
	told     bool // to end, as all in the container are when it is stopped
}

// hangUpAfter is how long a program has after SIGTERM before its terminal hangs up: interactive shells ignore the
// former and obey the latter.
const hangUpAfter = 300 * time.Millisecond

// killAfter is how long it has after that, when a session is killed.
const killAfter = 2 * time.Second

func holdMain(name string) int {
	deaf()
	ends := make(chan os.Signal, 4)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGHUP)
	c, o, err := takeOrder(name)
	if err != nil {
		return 1
	}
	h := &holder{st: o.State, at: newAttention(), adopts: adoptOrphans(), starved: memoryKills()}
	if err := h.start(o); err != nil {
		reply(c, replyOf(shim.State{}, err))
		return 1
	}
	h.st.PID = os.Getpid()
	if err := writeState(h.st); err != nil {
		_ = h.cmd.Process.Kill()
		reply(c, replyOf(shim.State{}, err))
		return 1
	}
	l, err := h.listen(name)
	if err == nil {
		go h.serve(l)
	}
	reply(c, replyOf(h.st, nil))
	c.Close()
	h.live(ends)
	if l != nil {
		l.Close()
	}
	return 0
}

// deaf has the holder outlive what its terminal sends. Its program begins without that: what a process ignores its children
// ignore too, and a pipe's writer that ignores SIGPIPE may never end.
func deaf() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGPIPE)
}

// takeOrder asks the starter what to do.
func takeOrder(name string) (net.Conn, order, error) {
	var o order
	dir, err := userSockDir()
	if err != nil {
		return nil, o, err
	}
	c, err := net.DialTimeout("unix", filepath.Join(dir, name+".order"), holderPatience)
	if err != nil {
		return nil, o, err
	}
	return c, o, json.NewDecoder(c).Decode(&o)
}

// start runs the program in its terminal.
func (h *holder) start(o order) error {
	h.cmd = &exec.Cmd{Path: o.Path, Args: o.Start.Argv, Dir: o.Start.Dir, Env: o.Start.Env}
	err := h.startPTY(o.Start.Cols, o.Start.Rows)
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return &failure{shim.CodeUnrunnable, unrunnable(o.Path)}
	case errors.Is(err, syscall.E2BIG): // execve(2): 128 KiB a string, and a quarter of the stack for all
		return &failure{shim.CodeBadRequest, "the prompt or the variables are too long for a program to be started with (at most 128 KiB each, and some MiB " +
			"together); put what is long into a file of the worktree"}
	case err != nil:
		return &failure{shim.CodeAgentMissing, err.Error()}
	}
	return nil
}

// unrunnable says why the kernel does not execute a file that may be executed.
func unrunnable(path string) string {
	head := make([]byte, 4)
	f, err := os.Open(path)
	if err == nil {
		_, _ = f.Read(head)
		_ = f.Close()
	}
	if string(head) == "\x7fELF" {
		return path + " is for another platform"
	}
	return path + " is no program the kernel knows; a script begins with #! and its interpreter"
}

// live watches the program until it ends.
func (h *holder) live(ends <-chan os.Signal) {
	exited := make(chan int, 1)
	go func() { exited <- h.wait() }()
	next := time.NewTimer(quiet)
	defer next.Stop()
	for {
		select {
		case code := <-exited:
			h.end(code)
			return
		case s := <-ends:
			h.mu.Lock()
			h.told = true
			h.mu.Unlock()
			go h.terminate(s.(syscall.Signal), 0)
		case <-h.at.stirs:
			h.at.pause = firstLook
			next.Reset(afterStir)
		case <-next.C:
			next.Reset(h.look())
		}
	}
}

// afterStir is how long a program has that was written to, or wrote, before it is looked at.
const afterStir = 50 * time.Millisecond

// wait collects the program, and before that what it left behind.
func (h *holder) wait() int { return reapUntil(h.cmd.Process.Pid) }

// end writes down how the program ended, after all its output.
func (h *holder) end(code int) {
	h.screen.drain()
	h.update(func(st *shim.State) {
		st.State, st.EndedAt = "exited", time.Now().UTC()
		st.Interrupted = !h.killed && (h.told || stopping())
		st.Attached, st.Waiting = false, false
		if code >= 0 {
			st.ExitCode = &code
		}
	})
	h.mu.Lock()
	h.ended = true
	killed := h.killed
	h.mu.Unlock()
	how := byte(shim.ExitEnded)
	switch {
	case killed:
		how = shim.ExitKilled
	case code == 128+int(syscall.SIGKILL) && memoryKills() > h.starved:
		how = shim.ExitStarved
	}
	h.screen.close(how)
}

// update changes the state and writes it when it is another.
func (h *holder) update(change func(*shim.State)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	before := h.st
	change(&h.st)
	if h.st.Waiting != before.Waiting {
		h.st.WaitingSince = sinceNow(h.st.Waiting)
	}
	if h.st != before {
		_ = writeState(h.st)
	}
}

// sinceNow is now, or no time for what is not so.
func sinceNow(so bool) time.Time {
	if !so {
		return time.Time{}
	}
	return time.Now().UTC()
}

func (h *holder) setWaiting(v bool) { h.update(func(st *shim.State) { st.Waiting = v }) }

// viewers counts who watches.
func (h *holder) viewers(change int) {
	h.update(func(st *shim.State) {
		h.attached += change
		st.Attached = h.attached > 0
		st.LastUsed = time.Now().UTC()
	})
}

// terminate asks the program to end: by first, then by hanging up, and, with kill, by force after that.
func (h *holder) terminate(first syscall.Signal, kill time.Duration) {
	h.signal(first)
	if first != syscall.SIGHUP {
		if h.st.Agent != "shell" { // a shell has nothing to finish
			time.Sleep(hangUpAfter)
		}
		h.signal(syscall.SIGHUP)
		h.signal(syscall.SIGCONT)
	}
	if kill > 0 {
		time.Sleep(kill)
		h.signal(syscall.SIGKILL)
	}
}

// signal reaches every process of the program's terminal session.
func (h *holder) signal(s syscall.Signal) {
	h.mu.Lock()
	ended := h.ended
	h.mu.Unlock()
	if ended {
		return
	}
	leader := h.cmd.Process.Pid
	me, _ := procStat(leader)
	for _, pid := range pids(func(pid int, st stat) bool {
		return pid != os.Getpid() && (st.pgrp == leader || me.tty != 0 && st.tty == me.tty && st.session == me.session)
	}) {
		_ = syscall.Kill(pid, s)
	}
}
