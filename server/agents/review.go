package agents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/fileuri"
	"github.com/gilmanlab/hjk-ls/internal/plain"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// ChoicesArgs is the argument object of hjk-ls.choices.
type ChoicesArgs struct {
	Workspace string `json:"workspace,omitempty"`
}

// ChoicesResult is what a user can choose from when starting an agent.
type ChoicesResult struct {
	Repo     string         `json:"repo"`
	Branches []BranchChoice `json:"branches"`       // local ones, the last used first, then those of remotes alone
	More     int            `json:"more,omitempty"` // branches that are not listed, as there are too many
	Agents   []AgentChoice  `json:"agents"`
	Images   []ImageChoice  `json:"images"` // the first is what run takes by itself
}

// BranchChoice is a branch.
type BranchChoice struct {
	Name    string `json:"name"`
	Remote  string `json:"remote,omitempty"`
	Current bool   `json:"current,omitempty"` // checked out in the folder

	Checkout  string `json:"checkout,omitempty"`  // the user's own checkout that has it, where no agent works yet
	NewBranch string `json:"newBranch,omitempty"` // then: the branch that an agent beside it would get
}

// AgentChoice is an agent.
type AgentChoice struct {
	Name    string `json:"name"`
	Default bool   `json:"default,omitempty"`
}

// ImageChoice is an image, as hjk-ls.run takes it.
type ImageChoice struct {
	Image  string `json:"image"`
	Source string `json:"source"` // default, reference or dockerfile
}

// Choices tells what run can be asked for. It does not need the engine.
func (m *Manager) Choices(ctx context.Context, a ChoicesArgs) (ChoicesResult, error) {
	r, err := m.repo(ctx, a.Workspace, "")
	if err != nil {
		return ChoicesResult{}, err
	}
	c, _, err := m.config(r)
	if err != nil {
		return ChoicesResult{}, err
	}
	branches, err := r.Branches(ctx)
	if err != nil {
		return ChoicesResult{}, wrap(err, CodeWorktreeFailed)
	}
	res := ChoicesResult{Repo: r.Root, Branches: []BranchChoice{}, Images: m.imageChoices(r, c)}
	own, err := m.ownCheckouts(ctx, r, c)
	if err != nil {
		return ChoicesResult{}, err
	}
	for _, b := range branches {
		choice := BranchChoice{Name: b.Name, Remote: b.Remote, Current: b.Current}
		if b.Remote == "" && own[b.Name] != "" {
			choice.Checkout, choice.NewBranch = own[b.Name], freeBranch(branches, b.Name)
		}
		res.Branches = append(res.Branches, choice)
	}
	for _, name := range agentNames(c) {
		res.Agents = append(res.Agents, AgentChoice{name, name == c.Agent})
	}
	return res, nil
}

func (m *Manager) imageChoices(r *workspace.Repo, c workspace.Config) []ImageChoice {
	var all []ImageChoice
	add := func(name, source string) {
		if name != "" && !slices.ContainsFunc(all, func(have ImageChoice) bool { return have.Image == name }) {
			all = append(all, ImageChoice{name, source})
		}
	}
	if src, err := (wish{repo: r, config: c}).source(r.From); err == nil {
		add(choiceOf(src, r.From))
	}
	if src, ok, err := images.Discover(r.From); ok && err == nil {
		add(choiceOf(src, r.From))
	}
	for _, name := range devcontainerChoices(r.From) {
		add(name, sourceDevcontainer)
	}
	add(images.DefaultSource().Ref, string(images.KindDefault))
	for _, name := range images.Variants() {
		add(name, string(images.KindDefault))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range m.surveyed {
		if i.Image.Source != string(images.KindDockerfile) {
			add(i.Image.Ref, string(images.KindReference))
		}
	}
	return all
}

// choiceOf spells a source as run takes it.
func choiceOf(src images.Source, top string) (image, source string) {
	if rel, err := filepath.Rel(top, src.Devcontainer); src.Devcontainer != "" && err == nil && filepath.IsLocal(rel) {
		return "./" + filepath.ToSlash(rel), sourceDevcontainer
	}
	if src.Kind != images.KindDockerfile {
		return src.Ref, string(src.Kind)
	}
	if rel, err := filepath.Rel(top, src.Dockerfile); err == nil && filepath.IsLocal(rel) {
		return "./" + filepath.ToSlash(rel), string(src.Kind)
	}
	return src.Dockerfile, string(src.Kind)
}

// ChangesArgs is the argument object of hjk-ls.changes.
type ChangesArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Branch    string `json:"branch"`
	Base      string `json:"base,omitempty"` // a branch or commit; default is the branch it was made from, else the main checkout's
}

// ChangesResult is what a branch changed, committed or not.
type ChangesResult struct {
	Worktree string       `json:"worktree"`
	Base     string       `json:"base,omitempty"` // the branch it is compared with
	Commit   string       `json:"commit"`         // where the two parted
	Files    []FileChange `json:"files"`
	More     int          `json:"more,omitempty"` // files that are not listed, as there are too many
}

// FileChange is one file. JSON has no names that are not UTF-8: of such a one Path and From are for a person, and the URIs exact.
type FileChange struct {
	Path    string `json:"path"`
	From    string `json:"from,omitempty"`
	Status  string `json:"status"`            // added, modified, deleted or renamed
	URI     string `json:"uri,omitempty"`     // file: URI in the worktree, where Path is not exact
	FromURI string `json:"fromUri,omitempty"` // the same of From
}

func fileChange(worktree string, f workspace.ChangedFile) FileChange {
	c := FileChange{Path: spelled(f.Path), From: spelled(f.From), Status: f.Status}
	if c.Path != f.Path {
		c.URI = fileuri.File(filepath.Join(worktree, f.Path))
	}
	if c.From != f.From {
		c.FromURI = fileuri.File(filepath.Join(worktree, f.From))
	}
	return c
}

// spelled is a name with the bytes spelled out that are no UTF-8, as in caf\xe9.
func spelled(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if r == utf8.RuneError && !strings.HasPrefix(name[i:], string(utf8.RuneError)) {
			fmt.Fprintf(&b, `\x%02x`, name[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Changes tells what a branch changed since it left its base.
func (m *Manager) Changes(ctx context.Context, a ChangesArgs) (ChangesResult, error) {
	r, wt, _, err := m.checkout(ctx, a.Workspace, a.Branch)
	if err != nil {
		return ChangesResult{}, err
	}
	c, err := r.Diff(ctx, wt, a.Base)
	if err != nil {
		return ChangesResult{}, wrap(err, CodeWorktreeFailed)
	}
	res := ChangesResult{Worktree: wt.Path, Base: c.Base, Commit: c.Commit, Files: []FileChange{}, More: c.More}
	for _, f := range c.Files {
		res.Files = append(res.Files, fileChange(wt.Path, f))
	}
	return res, nil
}

// FileArgs is the argument object of hjk-ls.file.
type FileArgs struct {
	Workspace string `json:"workspace,omitempty"`
	Commit    string `json:"commit"`
	Path      string `json:"path,omitempty"` // within the repository
	URI       string `json:"uri,omitempty"`  // instead: of the file in one of its checkouts
}

// FileResult is a file as a commit has it.
type FileResult struct {
	Text      string `json:"text"`
	Binary    bool   `json:"binary,omitempty"`    // then there is no text
	Absent    bool   `json:"absent,omitempty"`    // the commit has no such file
	Truncated bool   `json:"truncated,omitempty"` // the file goes on
	SizeBytes int64  `json:"sizeBytes"`           // of the whole file
}

// Fit cuts the text to what takes budget bytes in JSON.
func (r FileResult) Fit(budget int) any {
	text, cut := plain.Head(r.Text, budget)
	r.Text, r.Truncated = text, r.Truncated || cut
	return r
}

// File reads a file of a commit.
func (m *Manager) File(ctx context.Context, a FileArgs) (FileResult, error) {
	r, err := m.repo(ctx, a.Workspace, "")
	if err != nil {
		return FileResult{}, err
	}
	name, err := inRepository(ctx, r, a)
	if err != nil {
		return FileResult{}, err
	}
	b, size, err := r.FileAt(ctx, a.Commit, name)
	switch {
	case errors.Is(err, workspace.ErrNoFile):
		return FileResult{Absent: true}, nil
	case err != nil:
		return FileResult{}, wrap(err, CodeWorktreeFailed)
	}
	cut := int64(len(b)) < size
	if cut {
		b = whole(b)
	}
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return FileResult{Binary: true, SizeBytes: size}, nil
	}
	return FileResult{Text: string(b), Truncated: cut, SizeBytes: size}, nil
}

// inRepository is the path within the repository that a request names.
func inRepository(ctx context.Context, r *workspace.Repo, a FileArgs) (string, error) {
	if (a.Path == "") == (a.URI == "") {
		return "", Errorf(CodeInvalidArgument, "name the file by one of path and uri")
	}
	if a.URI == "" {
		return a.Path, nil
	}
	path, err := fileuri.Path(a.URI)
	if err != nil {
		return "", Errorf(CodeInvalidArgument, "uri: %w", err)
	}
	all, err := r.Worktrees(ctx)
	if err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	best := ""
	for _, wt := range all { // one may lie in another
		if rel, err := filepath.Rel(wt.Path, path); err == nil && filepath.IsLocal(rel) && (best == "" || len(rel) < len(best)) {
			best = rel
		}
	}
	if best == "" {
		return "", Errorf(CodeInvalidArgument, "uri: %s is in no checkout of %s", path, r.Root)
	}
	return filepath.ToSlash(best), nil
}

// whole is a beginning without the half of a line, or at least of a character, at its end.
func whole(b []byte) []byte {
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	for n := len(b); n > 0 && n > len(b)-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n-1]) {
			return b[:n-1]
		}
	}
	return b
}
