package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// TestOutputOfAStepIsText has a step that draws as on a terminal and writes in another encoding than JSON does.
func TestOutputOfAStepIsText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("Dockerfile", `FROM hjk-test/busybox:1
RUN printf '\033]0;title\007\033[1;31mred\033[0m\nfetch 10%%\rfetch 100%%\r\r\n\377\n'; exit 3
`)
	e := r.edit(drive.Editor{})
	if err := e.Command("hjk-ls.build", agents.BuildArgs{}, nil); err == nil {
		t.Fatal("the build succeeds")
	}
	if got := e.diagnosed("build_failed").Diagnostics[0].Message; !strings.HasSuffix(got, "exit code: 3\nred\nfetch 100%\n\uFFFD") {
		t.Errorf("%q", got)
	}
	server := r.Cmd(r.repo, r.Bin, "--stdio", "--framing=lines")
	server.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"workspace/executeCommand","params":{"command":"hjk-ls.build","arguments":[{}]}}` + "\n")
	out, _ := server.Output() // fails, as the build does
	if !strings.Contains(string(out), "build_failed") || !utf8.Valid(out) || !json.Valid([]byte(lastLine(string(out)))) {
		t.Errorf("%q", out)
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// TestOutputThatIsNotTaken: a command whose result could not be written says so and fails, and one whose reader is gone ends
// as cat does.
func TestOutputThatIsNotTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	into := func(out *os.File, name string, args ...string) (string, *exec.ExitError) {
		var said strings.Builder
		cmd := r.Cmd(r.repo, name, args...)
		cmd.Stdout, cmd.Stderr = out, &said
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return said.String(), exit
	}
	for _, args := range [][]string{
		{"ps"},
		{"ps", "--json"},
		{"images", "--offline"},
		{"config"},
		{"config", "--json"},
		{"version"},
		{"--version"},
		{"--help"},
		{"ps", "--help"},
		{"completion", "bash"},
		{"doctor"},
		{"logs", "x"},
		{"logs", "x", "--follow"},
		{"prune", "--dry-run"},
		{"auth", "claude", "--forget"},
		{"recreate", "x"},
		{"stop", "x"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		must(t, err)
		said, exit := into(full, r.Bin, args...)
		if args[0] == "logs" && exit == nil { // it printed nothing
			continue
		}
		if exit == nil || exit.ExitCode() != exitFailed || !strings.Contains(said, "no space left on device") {
			t.Errorf("hjk-ls %v >/dev/full: %v %s", args, exit, said)
		}
		must(t, full.Close())
	}
	for _, argv := range [][]string{{"cat", "/etc/passwd"}, {r.Bin, "ps"}, {r.Bin, "ps", "--json"}} { // cat is the control
		in, out, err := os.Pipe()
		must(t, err)
		must(t, in.Close())
		_, exit := into(out, argv[0], argv[1:]...)
		if exit == nil || !exit.Sys().(syscall.WaitStatus).Signaled() || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
			t.Errorf("%v, with nobody to read it: %v", argv, exit)
		}
		must(t, out.Close())
	}
	r.hjk("rm", "x", "--force")
}
