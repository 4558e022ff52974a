package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// hostile is what an agent writes where it can write a text: it sets the title, clears the screen, writes the clipboard,
// turns the order of letters around and ends the line.
const hostile = "\x1b]0;owned\a\x1b[2J\x1b]52;c;cm0gLXJmIH4=\a\u009b31m\u202eoga\r\nforged: all is well"

// foreign reports what of a text must not reach a terminal.
func foreign(text string) string {
	for i, r := range text {
		if plain.Hidden(r) && r != '\n' && r != '\t' || r == utf8.RuneError {
			return fmt.Sprintf("%U in %q", r, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	return ""
}

// TestForeignTextIsPlain drives every subcommand in a repository where an agent wrote hostile text wherever it can: in
// a branch's name, subjects, names of files, labels, output, the states of sessions and a Dockerfile.
func TestForeignTextIsPlain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	branch := "fix/$(touch${IFS}PWNED)'\u202ex\u009b"
	r.write("Dockerfile", "FROM hjk-test/tmux:1\nLABEL evil=\""+strings.NewReplacer("\r", "", "\n", "").Replace(hostile)+
		"\"\nRUN printf '\\033]0;owned\\007\\033[2J\\302\\233 \\342\\200\\256 \\033[31mred\\033[0m 10%%\\r100%%\\n' # \u202e\x1b[2J\n")
	r.sh("git commit -qam hostile")
	r.hjk("run", branch, "--detach")
	id := r.sh("docker ps -q --no-trunc --filter label=io.headjack.repo=" + r.repo)
	i, err := r.Instance(r.repo, branch)
	if err != nil || i == nil {
		t.Fatalf("%v %v", i, err)
	}
	write := fmt.Sprintf(`h=%s; git commit -q --allow-empty -m "$h"; touch "$h"; mkdir -p /.headjack/run/sessions/evil "/.headjack/run/sessions/$h"
printf '{"name":"evil","agent":"%%s","state":"exited","createdAt":"2026-01-01T00:00:00Z"}' "$(printf %%s "$h" | sed 's/\x1b/\\u001b/g; s/\x07/\\u0007/g; s/\r/\\r/' | tr -d '\n')" >/.headjack/run/sessions/evil/state.json
cp /.headjack/run/sessions/evil/state.json "/.headjack/run/sessions/$h/"; printf %%s "$h" >/.headjack/run/sessions/evil/log
git tag evil; git branch "idea-%s"; echo "x: $h" >.headjack.yaml`, plain.Shell(hostile), "\u202e\u009b")
	if _, err := r.Do(r.repo, "docker", "exec", "-w", i.Worktree, id, "bash", "-c", attack{script: write}.in("/nowhere")); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(r.repo, "Dockerfile.bad")
	must(t, os.WriteFile(bad, []byte("FROM hjk-test/tmux:1\nRUN printf '"+`\033]0;x\007 \302\233 \342\200\256`+"'; exit 3 # \x1b[2J\u202e\n"), 0o644))
	asks := filepath.Join(r.repo, "Dockerfile.asks")
	must(t, os.WriteFile(asks, []byte("FROM hjk-test/tmux:1\nLABEL io.headjack.docker.flags=\"privileged cap-add=\x1b[2J\u202e\"\n"), 0o644))

	worktree := func(args ...string) []string { return append([]string{"-C", i.Worktree}, args...) }
	for _, c := range []struct {
		args []string
		has  string // in what it prints, so that the hostile text did come that far
	}{
		{[]string{"ps"}, `\u202e`},
		{[]string{"ps", "--all"}, `\u202e`},
		{[]string{"run", branch, "--detach", "--session", "two"}, `$'fix/$(touch${IFS}PWNED)\'\xe2\x80\xaex\xc2\x9b'`},
		{[]string{"run", branch, "--detach", "--session", hostile}, "session"},
		{[]string{"run", branch, "--detach", "--image", "./Dockerfile.bad"}, "recreate"},
		{[]string{"run", "other\u202e", "--detach", "--image", "./Dockerfile.asks"}, `\u202e`},
		{[]string{"run", strings.Join(strings.Fields(hostile), "_"), "--detach"}, "owned"},
		{[]string{"run", "y", "--detach", "--agent", hostile}, "owned"},
		{[]string{"run", "y", "--detach", "--image", hostile}, ""},
		{[]string{"logs", branch, "evil"}, "forged"},
		{[]string{"logs", branch, "evil", "--follow"}, "forged"},
		{[]string{"logs", branch, hostile}, "owned"},
		{[]string{"logs", "nothing\u202e$(id)"}, `run $'nothing\xe2\x80\xae$(id)'`},
		{[]string{"attach", branch}, "terminal"},
		{[]string{"kill", branch, hostile}, "owned"},
		{[]string{"kill", branch, "two"}, `\u202e`},
		{[]string{"build", "--no-cache"}, `\x1b]0;owned`},
		{[]string{"build", "Dockerfile.bad"}, `\x1b]0;x`},
		{[]string{"build", "Dockerfile\u202e"}, `\u202e`},
		{[]string{"build-log"}, `\x1b]0;owned`},
		{[]string{"build-log", "Dockerfile.bad"}, `\x1b]0;x`},
		{[]string{"images"}, `\u202e`},
		{[]string{"prune", "--dry-run"}, "would remove"},
		{worktree("config"), ""},
		{worktree("doctor"), ""},
		{worktree("ps"), ""},
		{worktree("build"), ""},
		{[]string{"recreate", branch, "--image", "./Dockerfile.asks"}, `\u202e`},
		{[]string{"recreate", branch}, `\u202e`},
		{[]string{"stop", branch}, `\u202e`},
		{[]string{"rm", branch}, `\x1b]0;owned`},
		{[]string{"auth", hostile}, "owned"},
		{[]string{"version"}, ""},
		{[]string{"ps", hostile}, "owned"},
		{[]string{hostile}, "owned"},
		{[]string{"--framing", hostile, "--stdio"}, "owned"},
		{[]string{"-C", "/" + hostile, "ps"}, "owned"},
		{[]string{"--host", hostile, "ps"}, ""},
		{[]string{"__complete", "stop", ""}, ""},
		{[]string{"__complete", "kill", branch, ""}, ""},
	} {
		cmd := r.Cmd(r.repo, r.Bin, c.args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if bad := foreign(out.String()); bad != "" {
			t.Errorf("hjk-ls %q prints %s", c.args, bad)
		}
		if !strings.Contains(out.String(), c.has) {
			t.Errorf("hjk-ls %q (%v) has no %q in: %s", c.args, err, c.has, out.String())
		}
		if strings.Contains(out.String(), "\nforged: ") && c.args[0] != "logs" && c.args[0] != "-C" { // -C is the user's own
			t.Errorf("hjk-ls %q prints a line that was forged: %s", c.args, out.String())
		}
	}
	r.exactInJSON(branch)
	r.plainToEditors(branch)
	if out := r.onTerminal("build", "Dockerfile.bad"); strings.Contains(out, "\x1b]0;") || strings.ContainsAny(out, "\u202e\u009b") {
		t.Errorf("on a terminal: %q", out)
	}
	r.hjk("rm", branch, "--force")

	// The control: without all this, the same subject and the same output are on the terminal as they were written.
	naive := r.sh("git commit -q --allow-empty -F - <<'E'\n" + hostile + "\nE\ngit log -1 --format=%s; docker run --rm hjk-test/tmux:1 bash -c \"printf '\\033]0;x\\007'\"")
	if foreign(naive) == "" {
		t.Errorf("the control: %q", naive)
	}
}

// exactInJSON checks that results for programs have names as they are, and are safe to print all the same.
func (r rig) exactInJSON(branch string) {
	r.Helper()
	out := r.hjk("ps", "--json")
	var res agents.ListResult
	if err := json.Unmarshal([]byte(out), &res); err != nil || len(res.Instances) != 1 || res.Instances[0].Branch != branch {
		r.Errorf("%v %+v", err, res)
	}
	if bad := foreign(out); bad != "" {
		r.Errorf("ps --json prints %s", bad)
	}
	cmd := r.Cmd(r.repo, r.Bin, "rm", branch, "--json")
	var said bytes.Buffer
	cmd.Stderr = &said
	_ = cmd.Run() // refuses
	if !json.Valid(said.Bytes()) || foreign(said.String()) != "" {
		r.Errorf("rm --json: %s", said.String())
	}
}

// plainToEditors checks what an editor is told for a person, and that a program gets exact names.
func (r rig) plainToEditors(branch string) {
	r.Helper()
	var all []string
	c, err := r.ServeEditor(r.repo, drive.Editor{Capabilities: map[string]any{"window": map[string]any{"workDoneProgress": true}}, Told: func(method string, params json.RawMessage) {
		if method == "$/progress" || strings.HasPrefix(method, "window/") || method == "textDocument/publishDiagnostics" {
			all = append(all, method+" "+string(params))
		}
	}})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Kill)
	for command, args := range map[string]any{
		"hjk-ls.build": agents.BuildArgs{Dockerfile: "Dockerfile.bad"}, "hjk-ls.remove": agents.RemoveArgs{Branch: branch},
		"hjk-ls.run": agents.RunArgs{Branch: hostile}, "hjk-ls.logs": agents.LogsArgs{Branch: "no\u202e"},
	} {
		if err := c.Command(command, args, nil); err == nil || foreign(err.Error()) != "" {
			r.Errorf("%s: %v", command, err)
		}
	}
	var list agents.ListResult
	if err := c.Command("hjk-ls.list", agents.ListArgs{}, &list); err != nil || len(list.Instances) != 1 || list.Instances[0].Branch != branch {
		r.Errorf("%v %+v", err, list)
	}
	if err := c.Close(); err != nil {
		r.Error(err)
	}
	for _, text := range all {
		var v any
		_ = json.Unmarshal([]byte(text[strings.IndexByte(text, ' '):]), &v)
		if bad := foreign(fmt.Sprint(v)); bad != "" {
			r.Errorf("%s: %s", text, bad)
		}
	}
	if len(all) < 4 {
		r.Errorf("the editor was told only %q", all)
	}
}

// onTerminal runs hjk-ls with a terminal and gives all that it wrote there.
func (r rig) onTerminal(args ...string) string {
	line := plain.Shell(append([]string{r.Bin}, args...)...)
	cmd := r.Cmd(r.repo, "script", "-qec", line, "/dev/null")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	return string(out)
}
