package agents

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// commonEnv are the variables that the settings give everything that is started in an instance: sessions and commands. They go by the
// stream that starts it and are no part of the container, whose environment everybody sees who may ask the engine.
type commonEnv struct {
	m      *Manager
	repo   *workspace.Repo
	config workspace.Config
	early  bool // files that the worktree has not are left out: what is started may be what makes them
}

// in is the command with the variables of the settings, for a worktree, which has to be there: files of variables can lie in it. What
// else sets a variable wins over them. Whoever starts a command in a container calls it.
func (c command) in(worktree string) (command, error) {
	if c.common.m == nil {
		return c, nil
	}
	all, err := c.common.read(worktree)
	if err != nil {
		return command{}, err
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		has := func(kv string) bool { return strings.HasPrefix(kv, name+"=") }
		if !slices.ContainsFunc(c.env, has) {
			env = append(env, name+"="+all[name])
		}
	}
	c.env, c.common = append(env, c.env...), commonEnv{}
	return c, nil
}

// ofTheHost names what the command gets that is the host's: a program of the repository's gets it with consent only.
func (s commonEnv) ofTheHost() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(s.config.Env)) {
		if s.config.Env[name].Host {
			names = append(names, "variable "+name)
		}
	}
	for _, file := range s.config.EnvFile {
		if workspace.OutOfCheckout(file) {
			names = append(names, "file "+file)
		}
	}
	return names
}

func (s commonEnv) read(worktree string) (map[string]string, error) {
	all := map[string]string{}
	for _, file := range s.config.EnvFile {
		some, err := s.file(worktree, file)
		if s.early && errors.Is(err, fs.ErrNotExist) && !workspace.OutOfCheckout(file) {
			continue
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, some)
	}
	for name, v := range s.config.Env {
		if text := s.m.opts.Getenv(name); v.Host && text != "" {
			all[name] = text
		}
		if !v.Host {
			all[name] = v.Text
		}
	}
	return all, nil
}

// maxEnvFile bounds a file of variables: all of it goes into the environment of each process.
const maxEnvFile = 64 << 10

// file reads a file of variables: of the worktree, where an agent can write, or one that the user has elsewhere.
func (s commonEnv) file(worktree, name string) (map[string]string, error) {
	top, path := worktree, name
	if workspace.OutOfCheckout(name) {
		real, err := s.m.hostPathsOf(s.repo, s.config, worktree).find(name)
		if err != nil {
			return nil, noEnvFile(name, err)
		}
		top, path = "/", real[1:]
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, noEnvFile(name, err)
	}
	defer root.Close()
	data, err := distrust.Read(root, path, maxEnvFile)
	if err != nil {
		return nil, noEnvFile(name, err)
	}
	all, err := godotenv.UnmarshalBytes(data)
	if err != nil { // its text has of the file what is nobody's to see
		return nil, noEnvFile(name, errors.New("it is not made of lines such as NAME=value"))
	}
	for key, value := range all {
		if err := workspace.EnvName(key); err != nil {
			return nil, noEnvFile(name, err)
		}
		if strings.ContainsRune(value, 0) {
			return nil, noEnvFile(name, fmt.Errorf("%s has a NUL character", key))
		}
	}
	return all, nil
}

func noEnvFile(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		if !workspace.OutOfCheckout(name) {
			e := Errorf(CodeInvalidConfig, "envFile: %s is not in the worktree; make it there, name it in .worktreeinclude if it is ignored by git, or take it out of envFile", name)
			e.Err = err
			return e
		}
		return Errorf(CodeInvalidConfig, "envFile: %s is not there; make it, or take it out of envFile", name)
	}
	return Errorf(CodeInvalidConfig, "envFile: %s: %w; correct the file, or take it out of envFile", name, err)
}
