// Package drive uses a built hjk-ls as its users do, by its command line and as a server, for the tests, the soak and the
// benchmarks.
package drive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// Rig is a user with a home of its own.
type Rig struct {
	Dir  string   // home; everything hjk-ls keeps is below it
	Bin  string   // the built hjk-ls
	Host string   // the engine, as in DOCKER_HOST
	As   []string // a command line that gives what follows to another user; none where that is who we are
}

// New has a user with dir for a home, and hjk-ls, built from the module's source, in it.
func New(dir, host string) (*Rig, error) {
	r := &Rig{Dir: dir, Bin: filepath.Join(dir, "hjk-ls"), Host: host}
	return r, putCommand(r.Bin)
}

// Cmd is a command in dir, with the rig's home and engine.
func (r *Rig) Cmd(dir, name string, args ...string) *exec.Cmd {
	argv := append(slices.Clip(r.As), append([]string{name}, args...)...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"DOCKER_HOST="+r.Host, "HOME="+r.Dir, "XDG_STATE_HOME="+r.Dir+"/state", "XDG_DATA_HOME="+r.Dir+"/data", "XDG_CONFIG_HOME="+r.Dir+"/config",
		"NODE_EXTRA_CA_CERTS=", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@example.com")
	return cmd
}

// Do runs a command to its end and gives what it printed.
func (r *Rig) Do(dir, name string, args ...string) (string, error) {
	cmd := r.Cmd(dir, name, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, stderr.String(), out.String())
	}
	return out.String(), nil
}

// Hjk runs hjk-ls in dir.
func (r *Rig) Hjk(dir string, args ...string) (string, error) { return r.Do(dir, r.Bin, args...) }

// Coded gives the error of a command with --json as the server would, where it has a code.
func Coded(err error) error {
	if err == nil {
		return nil
	}
	_, line, _ := strings.Cut(err.Error(), `{"error":`)
	var e struct{ Code, Message string }
	if json.NewDecoder(strings.NewReader(line)).Decode(&e) != nil || e.Code == "" {
		return err
	}
	coded := &Error{Message: e.Message}
	coded.Data.Code = e.Code
	return coded
}

// Instances is what `hjk-ls ps` tells in dir.
func (r *Rig) Instances(dir string, args ...string) ([]agents.Instance, error) {
	out, err := r.Hjk(dir, append([]string{"ps", "--json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var res agents.ListResult
	return res.Instances, json.Unmarshal([]byte(out), &res)
}

// Instance is the one of branch, nil when ps has none.
func (r *Rig) Instance(dir, branch string) (*agents.Instance, error) {
	all, err := r.Instances(dir)
	for i := range all {
		if all[i].Branch == branch {
			return &all[i], err
		}
	}
	return nil, err
}

// Repo makes a git repository with files, which may be nil, and one commit.
func (r *Rig) Repo(name string, files map[string]string) (string, error) {
	dir := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "start"}} {
		if _, err := r.Do(dir, "git", args...); err != nil {
			return "", err
		}
	}
	return dir, nil
}
