package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

const agentUID = 1234

// hostile is what an agent does in its run folder, $RUN, so that PID 1, which is root, does something to $VICTIM, a file of root's,
// or to $ETC, its folder. naive does by path what PID 1 does in a held folder.
type hostile struct {
	name   string
	before bool // it is done before PID 1 starts, as after a stop
	script string
	naive  func(run, etc string) error
}

// dies leaves a process without a parent, as whose session $1 is written down; PID 1 says of it that it ended.
const dies = `dies() { ( sleep 0.2 & printf '{"name":"%s","state":"running","pid":%s}' "$2" $! >"$1" ); sleep 0.6; }; `

func naiveWrite(file, name string) func(run, etc string) error {
	return func(run, _ string) error {
		path := filepath.Join(run, "sessions", name, "state.json")
		if err := os.WriteFile(filepath.Join(run, "sessions", name, file), []byte("{}"), 0o600); err != nil {
			return err
		}
		return errors.Join(os.Chown(path+".1", agentUID, agentUID), os.Rename(path+".1", path))
	}
}

var hostiles = []hostile{
	{"a link where the state is written", false, dies + `mkdir $RUN/sessions/evil; for i in 1 2 3; do ln -s $VICTIM $RUN/sessions/evil/state.json.$i; done; dies $RUN/sessions/evil/state.json evil`, naiveWrite("state.json.1", "evil")},
	{"a name that leads out", false, dies + `mkdir $RUN/sessions/evil; ln -s $ETC $RUN/out; dies $RUN/sessions/evil/state.json ../out`, naiveWrite("state.json.1", "../out")},
	{"a link as the folder of sessions", true, `rm -rf $RUN/sessions; ln -s $ETC $RUN/sessions`, func(run, _ string) error { return os.Chown(filepath.Join(run, "sessions"), agentUID, agentUID) }},
	{"a link as the folder of sockets", true, `ln -s $ETC $SOCK/1234`, func(run, _ string) error {
		return os.Chown(filepath.Join(filepath.Dir(run), "sock", fmt.Sprint(agentUID)), agentUID, agentUID)
	}},
	{"a link as the sign of being ready", true, `rm -f $SOCK/ready; ln -s $VICTIM $SOCK/ready`, func(run, _ string) error {
		return os.WriteFile(filepath.Join(filepath.Dir(run), "sock", "ready"), nil, 0o644)
	}},
}

// TestRootIsNotTricked: PID 1 writes to nothing, and gives away nothing, but what is in the run folder; done by path, each works.
func TestRootIsNotTricked(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("needs root, as PID 1 of a container has it")
	}
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) {
			env, run, etc := hostilePlace(t)
			if h.before {
				asAgent(t, env, h.script)
				inHostile(t, env, run, "true")
			} else {
				inHostile(t, env, run, h.script)
			}
			if why := harmed(t, etc); why != "" {
				t.Error(why)
			}
			if h.before {
				env, run, etc = hostilePlace(t)
				asAgent(t, env, h.script)
			}
			_ = h.naive(run, etc)
			if harmed(t, etc) == "" {
				t.Error("the control: done by path it does not work either, so this shows nothing")
			}
		})
	}
}

// TestRootIsNotHeldUp: what PID 1 reads of sessions does not keep it from ending.
func TestRootIsNotHeldUp(t *testing.T) {
	env, run, _ := hostilePlace(t)
	asAgent(t, env, `mkdir $RUN/sessions/fifo $RUN/sessions/big $RUN/sessions/dev; mkfifo $RUN/sessions/fifo/state.json; ln -s /dev/zero $RUN/sessions/dev/state.json; truncate -s 20G $RUN/sessions/big/state.json`)
	inHostile(t, env, run, "true")
}

// hostilePlace has a run folder that is the agent's, as on a host whose user it is, and a folder of root's.
func hostilePlace(t *testing.T) (env []string, run, etc string) {
	t.Helper()
	env, run = place(t)
	etc = filepath.Join(filepath.Dir(run), "etc")
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(etc, 0o755))
	must(os.WriteFile(filepath.Join(etc, "passwd"), []byte("root"), 0o600))
	must(os.Remove(filepath.Dir(run) + "/sock/ready"))
	must(os.Chmod(filepath.Dir(run), 0o755))
	must(os.Chmod(filepath.Dir(run)+"/sock", 0o777|fs.ModeSticky))
	for _, d := range []string{run, run + "/sessions"} {
		must(os.Chown(d, agentUID, agentUID))
	}
	return append(env, "RUN="+run, "SOCK="+filepath.Dir(run)+"/sock", "ETC="+etc, "VICTIM="+etc+"/passwd"), run, etc
}

func asAgent(t *testing.T, env []string, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env, cmd.Dir = env, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: agentUID, Gid: agentUID}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// inHostile runs PID 1 with a session of the agent's, and has it end when that has ended.
func inHostile(t *testing.T, env []string, run, script string) {
	t.Helper()
	cmd := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", os.Args[0], "init", "--user", fmt.Sprintf("%d:%d", agentUID, agentUID), "--home", "")
	cmd.Env = env
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	line, err := json.Marshal(shim.Start{Name: "s", Agent: "a", Argv: []string{"sh", "-c", script}, Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, "%s\n", line)
	eventually(t, "the session ends", func() bool {
		b, err := os.ReadFile(filepath.Join(run, "sessions/s/state.json"))
		return err == nil && strings.Contains(string(b), "exited")
	})
	pid, err := exec.Command("pgrep", "-P", fmt.Sprint(cmd.Process.Pid)).Output()
	if err == nil {
		err = exec.Command("kill", strings.TrimSpace(string(pid))).Run()
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("PID 1 does not end")
	}
}

// harmed says what happened to root's folder.
func harmed(t *testing.T, etc string) string {
	t.Helper()
	entries, err := os.ReadDir(etc)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{etc, filepath.Join(etc, "passwd")} {
		fi, err := os.Lstat(path)
		if err != nil || fi.Sys().(*syscall.Stat_t).Uid != 0 {
			return path + " was given away"
		}
	}
	if b, err := os.ReadFile(filepath.Join(etc, "passwd")); err != nil || string(b) != "root" || len(entries) != 1 {
		return fmt.Sprintf("root's folder holds %v, its file %q", entries, b)
	}
	return ""
}
