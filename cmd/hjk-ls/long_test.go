package main

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// TestLongAnswers has an agent write names, subjects, files, logs and a Dockerfile that are longer than an editor can be sent.
// Each answer comes, says that it was cut, and the server goes on.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/tmux:1", "--detach")
	x := r.x()
	r.inside(`quotes() { head -c "$1" /dev/zero | tr '\0' '"'; }
quotes 40000000 >big; printf '\nend\n' >>big; git add big; { quotes 5000000; } >/tmp/subject; git commit -q -F /tmp/subject
d=$(printf 'long%.0s' $(seq 50)); mkdir $d; for i in {1..25000}; do : >$d/$d$i; done
s=/.headjack/run/sessions/evil; mkdir -p $s; quotes 16777200 >$s/log; cp $s/log $s/log.1; printf '\nnewest\n' >>$s/log
printf '{"name":"evil","agent":"x","state":"exited","createdAt":"2026-01-01T00:00:00Z"}' >$s/state.json
{ echo 'FROM hjk-test/busybox:1'; printf 'RUN exit 3 #'; quotes 3000000; } >Dockerfile`)
	r.hjk("ps")
	const limit = 64<<20 - 1<<10 // of a message: the control of each is that it is longer than that as JSON
	longer := func(what, script string, factor int) {
		if n, err := strconv.Atoi(r.sh("cd " + x.Worktree + "; " + script + " | wc -c")); err != nil || n*factor < limit {
			t.Errorf("the control: %s has only %d bytes", what, n)
		}
	}
	longer("the file", "git show HEAD:big", 2)
	longer("the log", "cat "+r.Dir+"/state/headjack/instances/*/run/sessions/evil/log*", 2)
	longer("the list of files", "git status --porcelain --untracked-files=all", 7) // some hundred bytes a file, beside its name

	c := r.serve()
	all := -1
	var logs agents.LogsResult
	must(t, c.Command("hjk-ls.logs", agents.LogsArgs{Branch: "x", Session: "evil", Tail: &all}, &logs))
	if !logs.Truncated || !strings.HasSuffix(logs.Text, "\nnewest\n") || len(logs.Text) < 1<<20 {
		t.Errorf("logs: %d bytes, %v", len(logs.Text), logs.Truncated)
	}
	var file agents.FileResult
	must(t, c.Command("hjk-ls.file", agents.FileArgs{Commit: "x", Path: "big"}, &file))
	if !file.Truncated || file.SizeBytes != 40000005 || len(file.Text) < 1<<20 {
		t.Errorf("file: %d bytes, %v of %d", len(file.Text), file.Truncated, file.SizeBytes)
	}
	var changes agents.ChangesResult
	must(t, c.Command("hjk-ls.changes", agents.ChangesArgs{Branch: "x"}, &changes))
	if changes.More == 0 || len(changes.Files)+changes.More != 25002 {
		t.Errorf("changes: %d and %d", len(changes.Files), changes.More)
	}
	var de *drive.Error
	for command, args := range map[string]any{
		"hjk-ls.remove": agents.RemoveArgs{Branch: "x"}, "hjk-ls.build": agents.BuildArgs{Workspace: x.Worktree},
	} {
		if err := c.Command(command, args, nil); !asError(err, &de) || len(de.Message) > 20<<10 {
			t.Errorf("%s: %.300v", command, err)
		}
	}
	if err := c.Command("hjk-ls.remove", agents.RemoveArgs{Branch: "x", DeleteBranch: true}, nil); !asError(err, &de) || !strings.Contains(de.Message, "\"\"..\n") || !strings.Contains(de.Message, "and 24990 more") {
		t.Errorf("remove: %v", err)
	}
	var removed agents.RemoveResult
	must(t, c.Command("hjk-ls.remove", agents.RemoveArgs{Branch: "x", DryRun: true}, &removed))
	if len(removed.Lost) == 0 || len(removed.Lost) > 20<<10 {
		t.Errorf("remove --dry-run: %d bytes", len(removed.Lost))
	}
	must(t, c.Command("hjk-ls.list", agents.ListArgs{}, nil))
	must(t, c.Close())
	r.readsLate(x)
	r.hjk("rm", "x", "--force")
}

// readsLate has a script that does something else before it reads what it asked for.
func (r rig) readsLate(x agents.Instance) {
	r.Helper()
	cmd := r.Cmd(r.repo, r.Bin, "--stdio", "--framing=lines")
	in, err := cmd.StdinPipe()
	must(r.T, err)
	out, err := cmd.StdoutPipe()
	must(r.T, err)
	must(r.T, cmd.Start())
	asked := 0
	for range 5 {
		asked++
		_, err = io.WriteString(in, `{"jsonrpc":"2.0","id":`+strconv.Itoa(asked)+`,"method":"workspace/executeCommand","params":{"command":"hjk-ls.file","arguments":[{"commit":"x","path":"big"}]}}`+"\n")
		must(r.T, err)
	}
	must(r.T, in.Close())
	r.sh("git -C " + x.Worktree + " show x:big | wc -c") // something else
	lines := bufio.NewReader(out)
	for range asked {
		line, err := lines.ReadBytes('\n')
		if err != nil || !json.Valid(line) || len(line) < 16<<20 {
			r.Fatalf("%d bytes came: %v", len(line), err)
		}
	}
	must(r.T, cmd.Wait())
}
