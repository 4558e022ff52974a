package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// TestFolderOpenedThroughALink has an editor that spells the paths of files by a symbolic link.
func TestFolderOpenedThroughALink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	link := filepath.Join(r.Dir, "link")
	if err := os.Symlink(r.repo, link); err != nil {
		t.Fatal(err)
	}
	e := r.edit(drive.Editor{Folders: []string{link}})
	salt := rand.Text()
	text := "FROM hjk-test/busybox:1\nRUN echo " + salt + " > /x\n"
	uri := drive.FileURI(filepath.Join(link, "Dockerfile"))
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "dockerfile", "version": 1, "text": text}})
	r.write("Dockerfile", text)
	e.built("succeeded")
	if h := e.hints(uri); h[1] == "" {
		t.Errorf("no facts: %v", h)
	}
	if _, ok := e.lenses(uri)["0 Build"]; !ok {
		t.Errorf("lenses: %v", e.lenses(uri))
	}
	r.write("Dockerfile", text+"RUN exit 3\n")
	e.built("failed")
	e.tell("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": uri, "version": 2}, "contentChanges": []any{map[string]any{"text": text + "RUN exit 3\n"}},
	})
	if d := e.diagnosed(`"build_failed"`); d.URI != uri || d.Diagnostics[0].Range.Start.Line != 2 {
		t.Errorf("%+v", d)
	}
}

// TestSettingsThroughALink has the user's settings where those who keep them in a repository have them.
func TestSettingsThroughALink(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	kept := filepath.Join(r.Dir, "dotfiles")
	r.write(filepath.Join(kept, "headjack.yaml"), "build: {args: {WHO: one}}\n")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nARG WHO\nRUN echo $WHO "+rand.Text()+" > /x\n")
	if err := os.Symlink(filepath.Join(kept, "headjack.yaml"), filepath.Join(r.repo, ".headjack.yaml")); err != nil {
		t.Fatal(err)
	}
	e := r.edit(drive.Editor{})
	r.write(filepath.Join(kept, "headjack.yaml"), "build: {args: {WHO: two}}\n")
	if got := r.cat(e.built("succeeded").Image, "/x"); !strings.HasPrefix(got, "two ") {
		t.Errorf("built with %q", got)
	}
}

func TestNamedDockerfileGoneAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", "image: ./docker/dev/Dockerfile\n")
	r.write("docker/dev/Dockerfile", "FROM hjk-test/busybox:1\n")
	e := r.edit(drive.Editor{})
	for i, script := range []string{"rm docker/dev/Dockerfile", "rm -r docker"} {
		r.sh(script)
		e.silent("a Dockerfile that is gone")
		want := fmt.Sprint(i, rand.Text())
		r.write("docker/dev/Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+want+" > /x\n")
		if got := r.cat(e.built("succeeded").Image, "/x"); got != want {
			t.Errorf("%s: %q", script, got)
		}
	}
}

// TestWhatAnotherServerBuiltIsNoNews opens a folder whose Dockerfile was built, and failed, before.
func TestWhatAnotherServerBuiltIsNoNews(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"; exit 6\n")
	e.built("failed")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = r.edit(drive.Editor{})
	if d := e.diagnosed(`"build_failed"`); d.Diagnostics[0].Range.Start.Line != 1 {
		t.Errorf("%+v", d)
	}
	e.silent("nothing is built")
}

// TestFailureStaysUntilItIsOver builds again, in vain, with the step that failed as it was.
func TestFailureStaysUntilItIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	salt := rand.Text()
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+salt+"; exit 6\n")
	e.built("failed")
	e.diagnosed(`"build_failed"`)
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep 100000; echo "+salt+"\nRUN echo "+salt+"; exit 6\n")
	e.built("running")
	if d := e.diagnosed(`"build_failed"`); d.Diagnostics[0].Range.Start.Line != 2 {
		t.Errorf("while it is built: %+v", d)
	}
	e.cancelNewest()
	e.built("canceled")
	e.silent("after Cancel")
	if p, ok := e.next("textDocument/publishDiagnostics", ""); ok {
		t.Errorf("Cancel makes nothing good: %s", p)
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+salt+"\n")
	e.built("succeeded")
	e.diagnosed(clearDiagnostics)
}

// TestFailureWithoutAPlace is about builds that fail of no instruction.
func TestFailureWithoutAPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	for _, c := range []struct{ name, file, text, message string }{
		{"unknown target", ".headjack.yaml", "build: {target: nonesuch}\n", "nonesuch"},
		{"an ignore file that nobody understands", ".dockerignore", "a[\n", "pattern"},
	} {
		r.write("Dockerfile", "FROM hjk-test/busybox:1 AS base\nCOPY Dockerfile /"+rand.Text()+"\n")
		e.built("succeeded")
		r.write(c.file, c.text)
		ev := e.built("failed")
		if !strings.Contains(ev.Error, c.message) {
			t.Errorf("%s: %s", c.name, ev.Error)
		}
		if d := e.diagnosed(`"build_failed"`); !strings.Contains(d.Diagnostics[0].Message, c.message) || d.Diagnostics[0].Range.Start.Line != 0 {
			t.Errorf("%s: %+v", c.name, d)
		}
		r.sh("rm " + c.file)
		e.built("succeeded")
		e.diagnosed(clearDiagnostics)
	}
}

// TestMoreEventsThanTheSystemKeeps overflows the queue of a server that is stopped.
func TestMoreEventsThanTheSystemKeeps(t *testing.T) {
	t.Parallel()
	r, _ := watchRig(t)
	e := r.edit(drive.Editor{})
	if err := syscall.Kill(e.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i := range 20000 {
		r.write(fmt.Sprintf("src/n%d", i%10), fmt.Sprint(i))
	}
	r.sh("mkdir src/new; echo late > src/new/x; echo last > src/a")
	if err := syscall.Kill(e.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for !strings.HasPrefix(r.cat(e.built("succeeded").Image, "/all"), "last\n") {
	}
	e.silent("after the last")
	r.write("src/new/x", "later")
	e.built("succeeded")
}

// TestProgressGrows follows the percentage, which editors show only where it was there at first.
func TestProgressGrows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	text := "FROM hjk-test/busybox:1\n"
	for range 8 {
		text += "RUN sleep 0.15; echo " + rand.Text() + "\n"
	}
	r.write("Dockerfile", text)
	e.built("succeeded")
	e.await("$/progress", `"kind":"end"`)
	last, reports := -1, 0
	for _, h := range e.all() {
		var p struct {
			Value struct {
				Kind       string
				Percentage *int
			}
		}
		if h.method != "$/progress" || json.Unmarshal(h.params, &p) != nil {
			continue
		}
		if p.Value.Kind == "begin" && (p.Value.Percentage == nil || *p.Value.Percentage != 0) {
			t.Errorf("begin: %s", h.params)
		}
		if n := p.Value.Percentage; p.Value.Kind == "report" && n != nil {
			if reports++; *n < last || *n > 100 {
				t.Errorf("%d after %d", *n, last)
			}
			last = *n
		}
	}
	if reports < 4 || last < 70 {
		t.Errorf("%d reports, the last of %d%%", reports, last)
	}
}

// TestCancelCountsForAllEditors has two, of which one builds and the other waits for it.
func TestCancelCountsForAllEditors(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	both := []*editor{r.edit(drive.Editor{}), r.edit(drive.Editor{})}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep 100000; echo "+rand.Text()+"\n")
	for _, e := range both {
		e.built("running")
	}
	time.Sleep(300 * time.Millisecond)
	for _, e := range both {
		e.cancelNewest()
	}
	for _, e := range both {
		e.built("canceled")
	}
	for _, e := range both {
		e.silent("after Cancel")
	}
	// One that ends with its editor goes on in the other.
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN sleep 3; echo "+rand.Text()+" > /y\n")
	for _, e := range both {
		e.built("running")
	}
	builder, other := both[0], both[1]
	if _, ok := other.next("$/progress", `"kind":"begin"`); ok {
		if _, again := other.next("$/progress", `"kind":"begin"`); again || !r.builds(builder) {
			builder, other = other, builder
		}
	}
	builder.Kill()
	other.built("succeeded")
}

// builds reports whether an editor's own server builds.
func (r rig) builds(e *editor) bool {
	begun := 0
	for _, h := range e.all() {
		if h.method == "$/progress" && strings.Contains(string(h.params), `"kind":"begin"`) {
			begun++
		}
		if h.method == "$/progress" && strings.Contains(string(h.params), `"kind":"end"`) {
			begun--
		}
	}
	return begun > 0
}

// TestTwoEditorsRecreateOnce counts the containers that come of one save.
func TestTwoEditorsRecreateOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers+"recreate: auto\n")
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	both := []*editor{r.edit(drive.Editor{}), r.edit(drive.Editor{})}
	r.write(filepath.Join(first.Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nRUN sleep 1; echo "+rand.Text()+"\n")
	for _, e := range both {
		e.built("succeeded")
	}
	r.eventually("it is recreated", func() bool {
		now := r.x()
		return now.Container != nil && now.Container.ID != first.Container.ID && now.State == "running" && !now.Image.Stale
	})
	time.Sleep(5 * time.Second)
	begun := 0
	for _, e := range both {
		for {
			if _, ok := e.next("$/progress", "Recreating x"); !ok {
				break
			}
			begun++
		}
	}
	if begun != 1 {
		t.Errorf("recreated %d times", begun)
	}
}

// TestLateAnswerRecreatesNothing answers the question of one image when the instance is on the newest already.
func TestLateAnswerRecreatesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers)
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	e := r.edit(drive.Editor{})
	answer := make(chan string, 1)
	e.mu.Lock()
	e.answer = func(method string) any {
		if method == "window/showMessageRequest" {
			return func() any { return map[string]string{"title": <-answer} } // not under the lock, which everybody who waits needs
		}
		return nil
	}
	e.mu.Unlock()
	r.write(filepath.Join(first.Worktree, "Dockerfile"), "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+"\n")
	e.await("hjk/build", `"succeeded"`)
	r.eventually("it is stale", func() bool { return r.x().Image.Stale })
	r.hjk("recreate", "x")
	second := r.x()
	answer <- "Recreate"
	e.await("window/showMessageRequest", "new image")
	time.Sleep(2 * time.Second)
	if now := r.x(); now.Container.ID != second.Container.ID || now.Image.Stale {
		t.Errorf("%+v", now)
	}
}

// TestBuildThatIsAskedForMakesStale builds by the lens where nothing is built by itself.
func TestBuildThatIsAskedForMakesStale(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write(".headjack.yaml", talkers+"build: {on: manual}\n")
	r.hjk("run", "x", "--agent", "talker", "--detach")
	first := r.x()
	e := r.edit(drive.Editor{})
	e.mu.Lock()
	e.answer = func(method string) any {
		if method == "window/showMessageRequest" {
			return map[string]string{"title": "Recreate"}
		}
		return nil
	}
	e.mu.Unlock()
	file := filepath.Join(first.Worktree, "Dockerfile")
	text := "FROM hjk-test/busybox:1\nRUN echo " + rand.Text() + "\n"
	r.write(file, text)
	e.silent("build.on: manual")
	uri := drive.FileURI(file)
	e.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "dockerfile", "version": 1, "text": text}})
	l := e.lenses(uri)["0 Build"]
	if err := e.Call("workspace/executeCommand", map[string]any{"command": l.Command.Command, "arguments": l.Command.Arguments}, nil); err != nil {
		t.Fatal(err)
	}
	e.await("window/showMessageRequest", "new image")
	r.eventually("it is recreated", func() bool {
		now := r.x()
		return now.Container != nil && now.Container.ID != first.Container.ID && now.State == "running" && !now.Image.Stale
	})
}

// TestMisreadSettingsAreTold saves settings that are not understood: no build can say so.
func TestMisreadSettingsAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.edit(drive.Editor{})
	for range 2 {
		r.write(".headjack.yaml", "build:\n  args: {V: \"1\"\n")
		if told := e.await("window/showMessage", ".headjack.yaml"); !strings.Contains(string(told), "Nothing is built") {
			t.Errorf("%s", told)
		}
		r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN echo "+rand.Text()+" > /x\n")
		e.silent("with settings that are not understood")
		if told, again := e.next("window/showMessage", ""); again {
			t.Errorf("and again: %s", told)
		}
		r.write(".headjack.yaml", "")
		e.built("succeeded")
	}
}
