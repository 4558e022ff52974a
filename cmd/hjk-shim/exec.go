package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/container/shim/link"
)

// signalGrace is how long a command has to end that was sent a signal, before it is killed: as long as at a stop.
const signalGrace = 10 * time.Second

// execMain runs a command for who is at the other end of standard input and output, and ends it when nobody is there any more.
func execMain(in io.Reader, out io.Writer) int {
	deaf()
	ends := make(chan os.Signal, 4)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGHUP)
	r := bufio.NewReaderSize(in, 64<<10)
	var req shim.Exec
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &req)
	}
	l := link.New(r, out)
	x := &execution{link: l, adopts: adoptOrphans(), starved: memoryKills()}
	if err != nil {
		err = &failure{shim.CodeBadRequest, "request: " + err.Error()}
	} else {
		err = x.start(req)
	}
	said := replyOf(shim.State{}, err)
	said.State = nil
	if told := l.Tell(shim.ExecMessage{Reply: &said}); err != nil || told != nil {
		x.end(killAfter)
		gone := make(chan struct{})
		go func() {
			_, _ = io.Copy(io.Discard, r)
			close(gone)
		}()
		heard(gone)
		return 1
	}
	return x.live(ends)
}

// execution is a command that runs for somebody.
type execution struct {
	link    *link.Link
	cmd     *exec.Cmd
	adopts  bool // all processes of the command descend from this one
	starved int  // what the kernel had killed for want of memory before it

	tty    *os.File // the terminal's master, nil without one
	stdin  *os.File
	output map[link.Stream]*outlet

	ending sync.Once
	gone   atomic.Bool // it has ended, and its number may be another's
}

// start runs the command, with a terminal or with pipes.
func (x *execution) start(req shim.Exec) error {
	if err := awaitReady(); err != nil {
		return err
	}
	if err := checkMounts(req.Mounts); err != nil {
		return err
	}
	if len(req.Argv) == 0 {
		return &failure{shim.CodeBadRequest, "the command is missing"}
	}
	dir, err := folder(req)
	if err != nil {
		return err
	}
	env := completeEnv(followHost(mergeEnv(os.Environ(), req.Env), req.Host), req.Home)
	path, err := program(req.Argv[0], dir, valueOf(env, "PATH"))
	if err != nil {
		return err
	}
	x.cmd = &exec.Cmd{Path: path, Args: req.Argv, Dir: dir, Env: env}
	if req.Terminal {
		err = x.startTerminal(orDefault(req.Cols, 80), orDefault(req.Rows, 24))
	} else {
		err = x.startPipes()
	}
	return startFailure(path, err)
}

// folder is where a command begins.
func folder(req shim.Exec) (string, error) {
	for _, dir := range []string{req.Dir, req.Otherwise} {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			return dir, nil
		}
	}
	return "", &failure{shim.CodeBadRequest, fmt.Sprintf("the folder %q is not in the container", req.Dir)}
}

// program finds the command's, and tells one that may not be executed from one that is not there.
func program(name, dir, path string) (string, error) {
	found, err := lookup(name, dir, path)
	if err == nil || !strings.Contains(name, "/") {
		return found, err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	switch fi, serr := os.Stat(name); {
	case serr != nil:
		return "", err
	case fi.IsDir():
		return "", &failure{shim.CodeUnrunnable, name + " is a folder"}
	default:
		return "", &failure{shim.CodeUnrunnable, fmt.Sprintf("%s may not be executed (its mode is %v); chmod +x lets it", name, fi.Mode().Perm())}
	}
}

// live passes on what is said until the command has ended, and ends it when nobody listens any more.
func (x *execution) live(ends <-chan os.Signal) int {
	alone := make(chan struct{})
	go func() {
		_ = x.link.Serve(x.told)
		close(alone)
	}()
	go x.feed()
	var all sync.WaitGroup
	for s, from := range x.output {
		all.Go(func() {
			if errors.Is(x.link.Send(s, from), link.ErrShut) {
				from.close() // so that the command learns that nobody reads it
			}
		})
	}
	exited := make(chan int, 1)
	go func() { exited <- reapUntil(x.cmd.Process.Pid) }()
	for {
		select {
		case code := <-exited:
			return x.finish(code, &all, alone)
		case <-alone:
			x.end(killAfter)
			return 1
		case <-ends:
			if !stopping() { // then PID 1 has told all
				go x.signal(syscall.SIGTERM)
			}
		}
	}
}

// finish gives what the command wrote last, and its exit code.
func (x *execution) finish(code int, all *sync.WaitGroup, alone <-chan struct{}) int {
	if code < 0 {
		code = 128 + int(syscall.SIGKILL)
	}
	x.gone.Store(true)
	for _, from := range x.output {
		from.end()
	}
	written := make(chan struct{})
	go func() {
		all.Wait()
		close(written)
	}()
	select {
	case <-written:
	case <-alone:
		return code
	}
	how := &shim.Ended{Code: code, Stopped: stopping()}
	how.Starved = code == 128+int(syscall.SIGKILL) && memoryKills() > x.starved
	_ = x.link.Tell(shim.ExecMessage{Ended: how})
	heard(alone)
	return code
}

// hearTime bounds how long the last word may take to arrive.
const hearTime = 10 * time.Second

// heard waits until who was told how it ended has gone: Podman drops what a process has just written that ends.
func heard(gone <-chan struct{}) {
	select {
	case <-gone:
	case <-time.After(hearTime):
	}
}

// told takes what is said beside the streams.
func (x *execution) told(b []byte) error {
	var m shim.ExecMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	if n, ok := shim.Signals[m.Signal]; ok {
		go x.signal(syscall.Signal(n))
	}
	if x.tty != nil && orDefault(m.Cols, 0) > 0 && orDefault(m.Rows, 0) > 0 {
		setSize(x.tty, m.Cols, m.Rows)
	}
	return nil
}

// feed gives the command its input.
func (x *execution) feed() {
	_ = x.link.Receive(link.In, x.stdin)
	if x.tty != nil {
		_, _ = x.tty.Write([]byte{endOfInput})
		return
	}
	_ = x.stdin.Close()
}
