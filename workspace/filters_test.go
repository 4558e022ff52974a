package workspace

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rot is a filter that, as one that encrypts, must not be left out: git says "required".
const rot = `git config filter.rot.clean 'tr a-z n-za-m'; git config filter.rot.smudge 'tr a-z n-za-m'; git config filter.rot.required true; `

// keyed has a file on the host's branch that a filter has made.
const keyed = rot + `echo '*.key filter=rot' >.gitattributes; echo secret >a.key; git add .; git commit -qm keyed`

// raw is git inside as an agent may have it: without the filters that hjk-ls puts into its configuration.
const raw = `export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=filter.rot.clean GIT_CONFIG_VALUE_0=cat GIT_CONFIG_KEY_1=filter.rot.smudge GIT_CONFIG_VALUE_1=cat GIT_CONFIG_KEY_2=filter.rot.required GIT_CONFIG_VALUE_2=false; `

// TestUnfilteredIsHeld has the agent commit, in every way that git knows, what a filter of the user's is for.
func TestUnfilteredIsHeld(t *testing.T) {
	ways := map[string]struct{ host, in string }{
		"a changed file":           {keyed, `echo other >a.key; git commit -qam x`},
		"a new file":               {keyed, `mkdir -p d/e; echo other >d/e/b.key; git add .; git commit -qm x`},
		"taken back later":         {keyed, `echo other >a.key; git commit -qam x; git revert --no-edit HEAD`},
		"a merge":                  {keyed, `git checkout -q -b o; echo other >a.key; git commit -qam x; git checkout -q b; git commit -q --allow-empty -m y; git merge -q -s ours --no-commit o; git checkout o -- a.key; git commit -qm m`},
		"an orphan":                {keyed, `git checkout -q --orphan o; echo other >a.key; git add .; git commit -qm x; git branch -f b o; git checkout -q b`},
		"by plumbing":              {keyed, `i=$(echo other | git hash-object -w --stdin); git update-index --add --cacheinfo 100644,$i,c.key; git commit -qm x`},
		"the attribute first":      {keyed, `git rm -q --cached .gitattributes; git commit -qm x; echo other >a.key; git commit -qam y`},
		"with the attribute":       {rot + `git commit -q --allow-empty -m x`, `echo '*.key filter=rot' >.gitattributes; echo other >a.key; git add .; git commit -qm x`},
		"info/attributes":          {rot + `d=$(git rev-parse --git-common-dir)/info; mkdir -p "$d"; echo '*.key filter=rot' >"$d/attributes"; git commit -q --allow-empty -m x`, `echo other >a.key; git add .; git commit -qm x`},
		"core.attributesFile":      {rot + `echo '*.key filter=rot' >../own; git config core.attributesFile "$(cd ..; pwd)/own"`, `echo other >a.key; git add .; git commit -qm x`},
		"a macro":                  {rot + `printf '[attr]hidden filter=rot\n*.key hidden\n' >.gitattributes; git add .; git commit -qm x`, `echo other >a.key; git add .; git commit -qm x`},
		"attributes of a folder":   {rot + `mkdir d; echo 'k filter=rot' >d/.gitattributes; git add .; git commit -qm x`, `echo other >d/k; git add .; git commit -qm x`},
		"a process":                {`git config filter.rot.process 'nowhere'; echo '*.key filter=rot' >.gitattributes; git add .; git commit -qm x`, `echo other >a.key; git add .; git commit -qm x`},
		"an included setting":      {`printf '[filter "rot"]\nclean = tr a-z n-za-m\n' >../more; git config include.path "$(cd ..; pwd)/more"; echo '*.key filter=rot' >.gitattributes; git add .; git commit -qm x`, `echo other >a.key; git add .; git commit -qm x`},
		"a name that needs quotes": {`git config "filter.it's%f.clean" 'tr a-z n-za-m'; echo "*.key filter=it's%f" >.gitattributes; git add .; git commit -qm x`, `echo other >a.key; git -c "filter.it's%f.clean=cat" -c "filter.it's%f.required=false" add .; git commit -qm x`},
		"core.ignoreCase":          {keyed + `; git config core.ignorecase true`, `echo other >b.KEY; git add b.KEY; git commit -qm x`},
		"another branch":           {keyed, `git checkout -q -b o; echo other >a.key; git commit -qam x; git checkout -q b`},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newSides(t)
			s.out(way.host)
			s.sync(Synced)
			before := s.out("git rev-parse HEAD")
			s.in(raw + way.in)
			rep, err := s.p.SyncAnew(t.Context())
			if err != nil || rep.State != Held || !strings.Contains(rep.Message, "no filter runs in the container") || !strings.Contains(rep.Message, "git -C") {
				t.Errorf("%+v %v", rep, err)
			}
			if after := s.out("git rev-parse HEAD"); after != before {
				t.Error("the branch has moved")
			}
			if got := s.out(`for o in $(git for-each-ref --format='%(objectname)'); do git grep -l other $o || true; done`); got != "" {
				t.Errorf("a reference of the host has it: %s", got)
			}
		})
	}
}

// TestAttributesTakenAway has the agent take the attribute away in a commit that comes over, and what it is for in the next. In a
// main checkout nothing else need tell what the rules were.
func TestAttributesTakenAway(t *testing.T) {
	for _, main := range []bool{false, true} {
		r, o := newRepo(t, "repo")
		branch, tree := "main", r.Root
		if !main {
			branch, tree = "b", ensure(t, r, o, "b").Path
		}
		sh(t, tree, "sh", "-ec", keyed)
		wt, ok, err := r.Find(t.Context(), branch)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		p := r.Private(wt, filepath.Join(t.TempDir(), "git"), "hjk-b")
		if _, err := p.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := &sides{t, p, tree, []string{"GIT_DIR=" + p.agent(), "GIT_WORK_TREE=" + tree, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + filepath.Join(r.CommonDir, "objects")}}
		if !main { // else the commit that brought it counts as the agent's
			sh(t, tree, "git", "branch", "other")
		}
		s.in(raw + "git rm -q --cached .gitattributes; git commit -qm away")
		s.sync(Synced)
		s.in(raw + "rm .gitattributes; echo other >a.key; git commit -qm leak a.key")
		s.sync(Held)
	}
}

// TestLetGo has a filter let go by its user after a commit was held: the next sync takes it.
func TestLetGo(t *testing.T) {
	s := newSides(t)
	s.out(keyed)
	s.sync(Synced)
	s.in(raw + "echo other >a.key; git commit -qam x")
	s.sync(Held)
	s.out("git config filter.rot.headjack raw")
	if rep, err := s.p.Sync(t.Context()); err != nil || rep.State != Synced {
		t.Errorf("%+v %v", rep, err)
	}
}

// TestFilteredComes has the agent commit what is no matter of the user's filters.
func TestFilteredComes(t *testing.T) {
	ways := map[string]struct{ host, in string }{
		"beside it":             {keyed, `echo x >f; git add f; git commit -qm x`},
		"renamed":               {keyed, `git mv a.key b.key; git commit -qm x`},
		"copied into a folder":  {keyed, `mkdir d; i=$(git rev-parse HEAD:a.key); git update-index --add --cacheinfo 100644,$i,d/c.key; git commit -qm x`},
		"deleted":               {keyed, `git rm -qf a.key; git commit -qm x`},
		"deleted and back":      {keyed, `git rm -qf a.key; git commit -qm x; git revert --no-edit HEAD`},
		"its mode":              {keyed, `git update-index --cacheinfo 100755,$(git rev-parse HEAD:a.key),a.key; git commit -qm x`},
		"an empty file":         {keyed, `touch e.key; git add e.key; git commit -qm x`},
		"a link":                {keyed, `ln -s a.key l.key; git add l.key; git commit -qm x`},
		"the host's, merged":    {keyed + `; git branch o; git checkout -q o; echo two >a.key; git commit -qam two; git checkout -q b`, `git commit -q --allow-empty -m x; git update-ref refs/heads/b $(git commit-tree -p HEAD -p o -m m 'o^{tree}')`},
		"a filter of nobody":    {keyed, `printf '*.key filter=rot\n*.x filter=none\n' >.gitattributes; echo x >a.x; git add .gitattributes a.x; git commit -qm x`},
		"one that is let":       {keyed + `; git config filter.rot.headjack raw`, `echo other >a.key; git commit -qam x`},
		"one that does nothing": {keyed + `; git config filter.rot.clean cat`, `echo other >a.key; git commit -qam x`},
		"git-lfs":               {`git config filter.lfs.clean 'git-lfs clean -- %f'; git config filter.lfs.process 'git-lfs filter-process'; git commit -q --allow-empty -m x`, `echo '*.bin filter=lfs' >.gitattributes; echo x >a.bin; git -c filter.lfs.clean=cat add .; git commit -qm x`},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newSides(t)
			s.out(way.host)
			s.sync(Synced)
			s.in(raw + way.in)
			s.sync(Synced)
			if got, want := s.out("git rev-parse HEAD"), s.in("git rev-parse HEAD"); got != want {
				t.Errorf("the host has %s, the agent %s", got, want)
			}
		})
	}
}

// TestSyncRunsNoFilter has a file that is as young as the index: git has to read that to know whether it changed.
func TestSyncRunsNoFilter(t *testing.T) {
	s := newSides(t)
	follow := func() {
		if err := s.p.Follow(t.Context()); err != nil {
			t.Error(err)
		}
	}
	ran := func() string { return s.out("cat ../ran 2>/dev/null || true") }
	known := func() {
		t.Helper()
		if list, id := s.in(`ls "$(git rev-parse --git-common-dir)/hjk-ls.known"`), s.out("git rev-parse HEAD:a.key"); !strings.HasSuffix(list, id) {
			t.Errorf("what the filter made of %s is not known inside: %q", id, list)
		}
	}
	s.out(keyed)
	s.sync(Synced)
	s.out(`git config filter.rot.clean 'ps -o args= -p $PPID >>../ran; tr a-z n-za-m'; touch a.key; git add a.key; touch -r a.key "$(git rev-parse --git-dir)/index"; rm -f ../ran`)
	follow()
	known()
	s.in(`git update-ref refs/heads/b $(git commit-tree -p HEAD -m x "HEAD^{tree}")`)
	s.sync(Synced)
	follow()
	known()
	if got := ran(); got != "" {
		t.Errorf("a filter ran: %s", got)
	}
	if s.out("git diff --name-only"); ran() == "" {
		t.Error("git had not to read the file, so this shows nothing")
	}
}

// TestWhatACommitContainsIsShown holds docs/git.md to its table: each row names tests that are there.
func TestWhatACommitContainsIsShown(t *testing.T) {
	text, err := os.ReadFile("../docs/git.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, pattern := range []string{"*_test.go", "../cmd/hjk-ls/*_test.go", "../cmd/hjk-ls/testdata/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			tests["testdata/"+filepath.Base(f)] = true
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(b), -1) {
				tests[m[1]] = true
			}
		}
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| On your side") {
			continue
		}
		rows++
		for name := range strings.SplitSeq(cells[len(cells)-1], ",") {
			if name = strings.TrimSpace(name); !tests[name] {
				t.Errorf("%s: there is no test %q", strings.TrimSpace(cells[0]), name)
			}
		}
	}
	if rows < 11 {
		t.Errorf("the table has %d rows", rows)
	}
}
