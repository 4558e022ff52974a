package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// initMain is PID 1: it starts the first session when one is asked for on standard input, reaps what is orphaned, and
// on a stop signal ends every process in order.
func initMain(u user) int {
	stop := make(chan os.Signal, 4)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, unix.SIGPWR, syscall.Signal(37)) // 37: SIGRTMIN+3
	children := make(chan os.Signal, 16)
	signal.Notify(children, syscall.SIGCHLD)
	_ = os.Chdir("/") // the container's own folder is the worktree, which `docker exec` begins in: it is not to be held
	prepare(u)
	first := make(chan *exec.Cmd)
	go readFirst(u, first)
	if u.listening {
		go followListening()
	}
	for {
		select {
		case cmd := <-first:
			if err := cmd.Start(); err != nil {
				reply(os.Stdout, shim.Reply{Code: shim.CodeInternal, Message: err.Error()})
			}
		case <-children:
			reap()
		case <-stop:
			endAll()
			return 0
		}
	}
}

// maxRequest is far above any request.
const maxRequest = 4 << 20

// readFirst waits for a request on standard input. There may never be one: a container that is started again, or from
// outside, has nobody there.
func readFirst(u user, first chan<- *exec.Cmd) {
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, maxRequest)).ReadBytes('\n')
	if err != nil {
		return
	}
	cmd := exec.Command("/proc/self/exe", "session", "start")
	cmd.Env = append(os.Environ(), "HOME="+u.home)
	r, w, err := os.Pipe() // not a Reader: nobody waits for this command but reap
	if err != nil {
		return
	}
	go func() {
		_, _ = w.Write(line)
		w.Close()
	}()
	cmd.Stdin = r
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if u.uid != os.Getuid() || u.gid != os.Getgid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}}
	}
	first <- cmd
}

// reap collects dead children. A session's holder that died without a word left a session that only seems to run.
func reap() {
	dead := map[int]bool{}
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			break
		}
		dead[pid] = true
	}
	if len(dead) > 0 {
		markEnded(stopping(), func(st shim.State) bool { return dead[st.PID] })
	}
}

// endAll asks every process to end and returns when none is left; the engine's grace time bounds it.
func endAll() {
	sayStopping()
	for _, pid := range others() {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for {
		reap()
		if len(others()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// others lists all processes that live, but this one.
func others() []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && !zombie(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// zombie reports whether a process is dead but not collected by its parent, which we cannot do for it.
func zombie(pid int) bool {
	st, ok := procStat(pid)
	return !ok || st.state == 'Z' || st.state == 'X'
}
