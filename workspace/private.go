package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// Private is the git directory that an instance's container has in place of the repository's own. It borrows the
// repository's objects, which the container cannot write; what the agent commits is brought over by [Private.Sync].
//
// Git on the host never runs in it: its configuration, hooks and links are the agent's. Its references are read by us, and
// its objects are copied into a repository of ours beside it, which host git fetches from and checks.
type Private struct {
	repo *Repo
	tree Worktree
	dir  string // on the host, the instance's own
	name string // of the instance: what the agent's other references are filed under
	hide []string
}

// Private describes the private git directory of a worktree below dir. It does no I/O.
func (r *Repo) Private(wt Worktree, dir, name string) *Private {
	return &Private{repo: r, tree: wt, dir: dir, name: name}
}

// Hide names folders that the container does not see, where they lie in the worktree.
func (p *Private) Hide(dirs ...string) *Private {
	p.hide = dirs
	return p
}

// Bind is a part of the host that a container sees.
type Bind struct {
	Source, Target string
	ReadOnly       bool
}

// Paths in the container.
const (
	privateTarget = "/.headjack/git"
	helper        = "/.headjack/bin/hjk-shim"
	borrowTarget  = "/.headjack/repo" // N/objects: the repository's objects and those it borrows itself
)

func (p *Private) agent() string   { return filepath.Join(p.dir, "agent") }   // mounted in the container
func (p *Private) trusted() string { return filepath.Join(p.dir, "trusted") } // never mounted
func (p *Private) dotgit() string  { return filepath.Join(p.dir, "dotgit") }
func (p *Private) empty() string   { return filepath.Join(p.dir, "empty") }

// Exists reports whether Prepare has made it.
func (p *Private) Exists() bool {
	_, err := os.Stat(p.statePath())
	return err == nil || p.halfMade()
}

// intact reports whether the agent has left of its git directory what makes it one.
func (p *Private) intact() bool {
	for _, name := range []string{"HEAD", "config", "objects/info", "refs"} {
		if _, err := os.Lstat(filepath.Join(p.agent(), name)); err != nil {
			return false
		}
	}
	return true
}

// Prepare makes the private git directory, or brings the one that is there up to date, and tells what the container needs
// to see for git to work in the worktree, in the order to mount it.
func (p *Private) Prepare(ctx context.Context) ([]Bind, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lockPrivate(ctx, p.dir, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	defer unlock()
	links, err := p.gitlinks(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.whole(ctx); err != nil {
		return nil, fmt.Errorf("make the private git directory: %w", err)
	}
	st, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	st.Protected = links
	if err := errors.Join(p.links(), p.reborrow(), p.trust(ctx), p.follow(ctx), p.save(st)); err != nil {
		return nil, err
	}
	binds, err := p.binds()
	if err != nil {
		return nil, err
	}
	shields, err := p.shields(ctx, links)
	return append(binds, shields...), err
}

// links writes the files that are mounted beside the agent's directory, where they are not there yet.
func (p *Private) links() error {
	for name, text := range map[string]string{p.dotgit(): "gitdir: " + privateTarget + "\n", p.empty(): ""} {
		if b, err := os.ReadFile(name); err == nil && string(b) == text {
			continue
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// whole makes the private git directory where there is none. What the agent committed in one that it broke is brought over first,
// as far as that goes.
func (p *Private) whole(ctx context.Context) error {
	if p.Exists() {
		if p.intact() {
			return nil
		}
		if err := Deletable(ctx, p.agent(), p.repo.Own); err != nil { // it may only seem broken to who may not read it
			return err
		}
		if p.intact() {
			return nil
		}
		_, _ = p.syncLocked(ctx, true)
		if _, err := p.keepLocked(ctx, false); err != nil && (isTransient(err) || ctx.Err() != nil) {
			return fmt.Errorf("keep what the broken one knows: %w", err)
		}
	}
	return p.make(ctx)
}

// RemovePrivate deletes the private git directory at dir. One that is not there is no error. The lock is waited for until ctx
// ends; what is begun then is done to its end.
func RemovePrivate(ctx context.Context, dir string, own Owner) error {
	unlock, err := lockPrivate(ctx, dir, 0) // a sync may be at work
	if err == nil {
		defer unlock()
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return Delete(context.WithoutCancel(ctx), dir, own)
}

// lockPrivate keeps two processes from working on one private directory. Only who makes one makes its lock: a sync must not
// bring back one that is removed meanwhile.
func lockPrivate(ctx context.Context, dir string, create int) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), create|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flockWait(ctx, f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// make builds everything aside and renames it into place, the state last.
func (p *Private) make(ctx context.Context) error {
	if err := Delete(ctx, p.agent(), p.repo.Own); err != nil { // of a make that was cut off
		return err
	}
	tmp := p.agent() + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	for _, d := range []string{"objects/info", "objects/pack", "refs/heads", "refs/tags", "info"} {
		if err := os.MkdirAll(filepath.Join(tmp, d), 0o755); err != nil {
			return err
		}
	}
	refs, err := p.repo.snapshot(ctx)
	if err != nil {
		return err
	}
	base := refs["refs/heads/"+p.tree.Branch]
	if base == "" {
		return fmt.Errorf("branch %q has no commit", p.tree.Branch)
	}
	config, err := p.config(ctx)
	if err != nil {
		return err
	}
	files := map[string]string{
		"HEAD":                    "ref: refs/heads/" + p.tree.Branch + "\n",
		"config":                  config,
		"packed-refs":             packed(refs),
		"objects/info/alternates": p.alternates(),
		"info/exclude":            p.excludes(ctx),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(tmp, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := p.copyIn(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, p.agent()); err != nil {
		return err
	}
	if err := p.saveMirrored(refs); err != nil {
		return err
	}
	return p.save(syncState{Inside: p.tree.Branch, Base: base, Began: base, Published: map[string]string{}})
}

// copyIn copies what the worktree's own git directory has that git inside needs too: the index with what it knows of every
// file, so that nothing is read again, and what limits history and checkout.
func (p *Private) copyIn(dst string) error {
	shared, err := named(p.tree.GitDir, sharedIndex)
	if err != nil {
		return err
	}
	from := map[string]string{
		filepath.Join(p.tree.GitDir, "index"):                   "index",
		filepath.Join(p.tree.GitDir, "info", "sparse-checkout"): "info/sparse-checkout",
		filepath.Join(p.repo.CommonDir, "info", "attributes"):   "info/attributes",
		filepath.Join(p.repo.CommonDir, "shallow"):              "shallow",
	}
	for _, s := range shared {
		from[s] = filepath.Base(s)
	}
	for src, name := range from {
		b, err := os.ReadFile(src)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dst, name), b, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named are the entries of a folder whose names begin so.
func named(dir, prefix string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// excludes are the user's and the repository's own ignore rules, which lie outside the worktree.
func (p *Private) excludes(ctx context.Context) string {
	var b strings.Builder
	for _, f := range p.repo.excludeFiles(ctx, p.tree.Path) {
		if text, err := distrust.File(f, maxConfig); err == nil { // core.excludesFile may lead anywhere
			b.Write(text)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// objectDirs are the repository's objects and those it borrows, each once.
func (r *Repo) objectDirs() []string {
	var dirs []string
	var add func(dir string, depth int)
	add = func(dir string, depth int) {
		if slices.Contains(dirs, dir) || depth > 5 { // as deep as git follows
			return
		}
		dirs = append(dirs, dir)
		b, err := os.ReadFile(filepath.Join(dir, "info", "alternates"))
		if err != nil {
			return
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "#") {
				add(filepath.Clean(absolute(dir, line)), depth+1)
			}
		}
	}
	add(filepath.Join(r.CommonDir, "objects"), 0)
	return dirs
}

// reborrow writes which objects are borrowed: the repository may borrow others by now.
func (p *Private) reborrow() error {
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return err
	}
	defer root.Close()
	if b, err := distrust.Read(root, alternatesFile, 1<<20); err == nil && string(b) == p.alternates() {
		return nil
	}
	_ = root.Remove(alternatesFile + ".lock")
	return distrust.Replace(root, alternatesFile, nil, []byte(p.alternates()))
}

func borrowed(i int) string { return fmt.Sprintf("%s/%d", borrowTarget, i) }

func (p *Private) alternates() string {
	var b strings.Builder
	for i := range p.repo.objectDirs() {
		b.WriteString(borrowed(i) + "/objects\n")
	}
	return b.String()
}

// lenders are the folders of objects that the trusted repository borrows.
func (p *Private) lenders() string { return strings.Join(p.repo.objectDirs(), "\n") + "\n" }

// trust makes or refreshes the repository beside it that host git reads the agent's objects from.
func (p *Private) trust(ctx context.Context) error {
	dir := p.trusted()
	for _, d := range []string{"objects/info", "objects/pack", "refs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	head, err := p.repo.format(ctx)
	if err != nil {
		return err
	}
	files := map[string]string{
		"HEAD": "ref: refs/heads/none\n", "config": head + configLine("core.bare", "true"),
		"objects/info/alternates": p.lenders(),
	}
	if b, err := os.ReadFile(filepath.Join(p.repo.CommonDir, "shallow")); err == nil {
		files["shallow"] = string(b)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
