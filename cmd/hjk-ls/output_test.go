package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/internal/drive"
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
