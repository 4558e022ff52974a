package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// holderPatience bounds how long a holder may take to start its program.
const holderPatience = 5 * time.Second

// startMain reads a request, starts the session, and replies.
func startMain(in io.Reader, out io.Writer) int {
	var req shim.Start
	line, err := bufio.NewReader(io.LimitReader(in, maxRequest)).ReadBytes('\n')
	if len(line) == 0 && err != nil {
		return reply(out, replyOf(shim.State{}, &failure{shim.CodeBadRequest, "no request came"}))
	}
	if err := json.Unmarshal(line, &req); err != nil {
		return reply(out, replyOf(shim.State{}, &failure{shim.CodeBadRequest, "request: " + err.Error()}))
	}
	return reply(out, replyOf(startSession(req)))
}

// order is what a starter hands to the holder it made.
type order struct {
	Path  string // of the program
	Start shim.Start
	State shim.State
}

func startSession(req shim.Start) (shim.State, error) {
	if err := awaitReady(); err != nil {
		return shim.State{}, err
	}
	if err := checkMounts(req.Mounts); err != nil {
		return shim.State{}, err
	}
	path, err := check(&req)
	if err != nil {
		return shim.State{}, err
	}
	provision(req.Home, req.Files)
	st, err := allocate(req)
	if err != nil {
		return shim.State{}, err
	}
	started, err := launch(order{path, req, st})
	if err != nil {
		forget(st.Name)
	}
	return started, err
}

// forget deletes what a session left that did not start.
func forget(name string) {
	if sessions, err := openSessions(); err == nil {
		_ = remove(sessions, name)
		_ = sessions.Close()
	}
}

// check refuses what cannot work before anything is promised, and completes the request.
func check(req *shim.Start) (program string, err error) {
	if !validName(req.Name) {
		return "", &failure{shim.CodeBadRequest, fmt.Sprintf("session name %q: use letters, digits, '.', '_' and '-', at most 64", req.Name)}
	}
	if fi, err := os.Stat(req.Dir); err != nil || !fi.IsDir() {
		return "", &failure{shim.CodeBadRequest, fmt.Sprintf("the folder %q is not in the container", req.Dir)}
	}
	env := mergeEnv(os.Environ(), req.Env)
	req.Env = completeEnv(followHost(env, req.Host), req.Home)
	if len(req.Argv) == 0 {
		shell, err := findShell(env)
		if err != nil {
			return "", err
		}
		req.Argv = shell
	}
	path, err := lookup(req.Argv[0], req.Dir, valueOf(env, "PATH"))
	if err != nil {
		return "", err
	}
	req.Cols, req.Rows = orDefault(req.Cols, 120), orDefault(req.Rows, 40)
	return path, nil
}

func orDefault(n, otherwise int) int {
	if n < 1 || n > 10000 {
		return otherwise
	}
	return n
}

var shells = []string{"/bin/bash", "/usr/bin/bash", "/bin/zsh", "/bin/sh", "/bin/ash", "/usr/bin/sh", "/bin/busybox"}

func findShell(env []string) ([]string, error) {
	for _, sh := range append([]string{valueOf(env, "SHELL")}, shells...) {
		switch {
		case !filepath.IsAbs(sh) || !executable(sh) || strings.HasSuffix(sh, "nologin"):
		case filepath.Base(sh) == "busybox":
			return []string{sh, "sh"}, nil
		default:
			return []string{sh}, nil
		}
	}
	return nil, &failure{shim.CodeAgentMissing, "there is no shell (bash, zsh, sh or busybox)"}
}

// lookup finds a program as execvp(3) would, relative names against dir.
func lookup(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if executable(name) {
			return name, nil
		}
		return "", &failure{shim.CodeAgentMissing, fmt.Sprintf("there is no program %s", name)}
	}
	for _, d := range filepath.SplitList(path) {
		if p := filepath.Join(d, name); filepath.IsAbs(p) && executable(p) {
			return p, nil
		}
	}
	return "", &failure{shim.CodeAgentMissing, fmt.Sprintf("there is no program %q on its PATH (%s)", name, path)}
}

func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func mergeEnv(base, over []string) []string {
	out := slices.Clone(base)
	for _, kv := range over {
		key, _, _ := strings.Cut(kv, "=")
		out = slices.DeleteFunc(out, func(old string) bool { return strings.HasPrefix(old, key+"=") })
		out = append(out, kv)
	}
	if valueOf(out, "PATH") == "" {
		out = append(out, "PATH="+defaultPath)
	}
	return out
}

func valueOf(env []string, key string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, key+"="); ok {
			return v
		}
	}
	return ""
}

// completeEnv adds what a login would have set, and a UTF-8 locale where none is.
func completeEnv(env []string, home string) []string {
	set := func(key, value string) {
		if value != "" && valueOf(env, key) == "" {
			env = append(env, key+"="+value)
		}
	}
	if home != "" {
		env = mergeEnv(env, []string{"HOME=" + home})
	}
	login := loginName()
	set("USER", login)
	set("LOGNAME", login)
	set("COLORTERM", "truecolor")
	if unspoken(env) {
		set("LANG", "C.UTF-8")
	}
	set("PAGER", pager(env)) // git asks GIT_PAGER and core.pager first
	return env
}

// loginName reads the user database by hand: the helper is static, and there may be none.
func loginName() string {
	b, _ := os.ReadFile("/etc/passwd")
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == strconv.Itoa(os.Getuid()) {
			return f[0]
		}
	}
	return "hjk" + strconv.Itoa(os.Getuid())
}

// launch listens where the holder will ask for its order, starts it, and waits for its answer. The order, which may
// hold credentials, thus passes through no command line and no environment.
func launch(o order) (shim.State, error) {
	o.State.Kind = shim.KindPTY
	dir, err := userSockDir()
	if err != nil {
		return shim.State{}, err
	}
	path := filepath.Join(dir, o.State.Name+".order")
	_ = os.Remove(path)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return shim.State{}, err
	}
	defer l.Close()
	if err := spawnHolder(o.State.Name); err != nil {
		return shim.State{}, err
	}
	_ = l.SetDeadline(time.Now().Add(holderPatience))
	c, err := l.AcceptUnix()
	if err != nil {
		return shim.State{}, fmt.Errorf("the session's holder did not come up: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(holderPatience))
	if err := json.NewEncoder(c).Encode(o); err != nil {
		return shim.State{}, err
	}
	var r shim.Reply
	if err := json.NewDecoder(c).Decode(&r); err != nil {
		return shim.State{}, fmt.Errorf("the session's holder said nothing: %w", err)
	}
	if !r.OK {
		return shim.State{}, &failure{r.Code, r.Message}
	}
	return *r.State, nil
}

// userSockDir is a folder for sockets that only this user can enter.
func userSockDir() (string, error) {
	dir := filepath.Join(sockDir, strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, nil
}

// spawnHolder starts a holder that belongs to nobody: PID 1 adopts it.
func spawnHolder(name string) error {
	cmd := exec.Command("/proc/self/exe", "session", "hold", name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = cleanEnv(os.Environ())
	return cmd.Start()
}

// cleanEnv keeps only what the helper itself needs.
func cleanEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		key, _, _ := strings.Cut(kv, "=")
		switch key {
		case "PATH", "HOME", "LANG", "LC_ALL", "HJK_SHIM_RUN", "HJK_SHIM_SOCK":
			out = append(out, kv)
		}
	}
	return out
}
