package main

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// reapUntil collects dead children until pid is among them, and gives its exit code: 128+n where signal n ended it, -1 where
// nobody knows. There is no job control above the program, so that a stop (Ctrl-Z) is undone at once.
func reapUntil(pid int) int {
	for {
		var ws syscall.WaitStatus
		who, err := syscall.Wait4(-1, &ws, syscall.WUNTRACED, nil)
		switch {
		case errors.Is(err, syscall.EINTR), err == nil && who != pid:
		case err != nil:
			return -1
		case ws.Stopped():
			_ = syscall.Kill(-pid, syscall.SIGCONT)
		case ws.Signaled():
			return 128 + int(ws.Signal())
		case ws.Exited():
			return ws.ExitStatus()
		}
	}
}

// signal sends one to the command, and to what is in the foreground of its terminal. It ends the command: one that goes on
// nevertheless is killed in the end.
func (x *execution) signal(s syscall.Signal) {
	if x.gone.Load() {
		return
	}
	leader := x.cmd.Process.Pid
	groups := map[int]bool{leader: true}
	if st, ok := procStat(leader); ok && st.tpgid > 0 {
		groups[st.tpgid] = true
	}
	for g := range groups {
		_ = syscall.Kill(-g, s)
	}
	if s == syscall.SIGUSR1 || s == syscall.SIGUSR2 {
		return
	}
	x.ending.Do(func() {
		if x.tty != nil { // interactive shells ignore SIGTERM, and obey a hang-up
			time.Sleep(hangUpAfter)
			x.all(syscall.SIGHUP)
		}
		time.Sleep(signalGrace)
		x.kill()
	})
}

// end ends the command and all it has started, as `hjk-ls kill` ends a session; within grace they may do it themselves.
func (x *execution) end(grace time.Duration) {
	if x.cmd == nil || x.cmd.Process == nil {
		return
	}
	for _, step := range []struct {
		s     syscall.Signal
		after time.Duration
	}{{syscall.SIGTERM, hangUpAfter}, {syscall.SIGHUP, 0}, {syscall.SIGCONT, grace}} {
		x.all(step.s)
		for until := time.Now().Add(min(step.after, grace)); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			if len(x.family()) == 0 {
				return
			}
		}
	}
	x.kill()
}

// kill ends them by force: what they start meanwhile, too.
func (x *execution) kill() {
	for range 100 {
		x.all(syscall.SIGKILL)
		if len(x.family()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (x *execution) all(s syscall.Signal) {
	for _, pid := range x.family() {
		_ = syscall.Kill(pid, s)
	}
}

// family are the processes of the command that live.
func (x *execution) family() []int {
	h := holder{adopts: x.adopts}
	leader := x.cmd.Process.Pid
	return h.family(func(pid int, st stat) bool {
		return pid != os.Getpid() && st.state != 'Z' && st.state != 'X' && (x.adopts || st.pgrp == leader || st.session == leader)
	})
}
