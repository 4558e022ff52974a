package agents

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/gilmanlab/hjk-ls/workspace"
)

const (
	// namedIn is the folder of branches that hjk-ls names.
	namedIn = "agent/"
	// maxWords and maxName bound a name that is made of a prompt.
	maxWords = 6
	maxName  = 40
)

// errNameTaken means that somebody made a branch of that name meanwhile.
var errNameTaken = errors.New("somebody else took that name")

// runUnnamed is a run on the branch of a pull request, or on a new one that is named after the prompt.
func (m *Manager) runUnnamed(ctx context.Context, a RunArgs, fb Feedback) (RunResult, error) {
	switch {
	case a.PR != 0 && (a.Branch != "" || a.From != ""):
		return RunResult{}, Errorf(CodeInvalidArgument, "a pull request has its own branch; leave branch and from out")
	case a.PR == 0 && a.Prompt == "":
		return RunResult{}, Errorf(CodeInvalidArgument, "branch is missing; name the branch to run an agent on, or give a prompt, after which one is named")
	}
	if err := m.trusted(); err != nil {
		return RunResult{}, err
	}
	r, err := m.repo(ctx, a.Workspace, "")
	if err != nil {
		return RunResult{}, err
	}
	a.Workspace = r.From
	if a.PR != 0 {
		if a.Branch, err = m.pullRequestBranch(ctx, r, a.PR, fb); err != nil {
			return RunResult{}, err
		}
		a.PR = 0
		return m.run(ctx, a, runHow{}, fb)
	}
	for { // several may ask for the same at once
		if a.Branch, err = m.nameBranch(ctx, r, a.Prompt); err != nil {
			return RunResult{}, err
		}
		if res, err := m.run(ctx, a, runHow{anew: true}, fb); !errors.Is(err, errNameTaken) {
			return res, err
		}
	}
}

// free refuses a branch that is to be new and is there.
func (u *bringUp) free(ctx context.Context) error {
	if !u.anew {
		return nil
	}
	has, err := u.wish.repo.HasBranch(ctx, u.place.Now)
	if err == nil && has {
		return errNameTaken
	}
	u.anew = false // what follows is a run on it
	return err
}

// syncBase brings over what the agent of a branch committed that another is to begin at.
func (m *Manager) syncBase(ctx context.Context, r *workspace.Repo, from string) {
	if from == "" {
		return
	}
	p, err := m.placeOf(ctx, r, from)
	if err != nil || !p.exists() {
		return
	}
	if wt, ok, err := r.Find(ctx, from); err == nil && ok {
		m.sync(ctx, r, wt, p)
	}
}

// nameBranch names a branch after a prompt: agent/ and its first words, with a number where that is taken.
func (m *Manager) nameBranch(ctx context.Context, r *workspace.Repo, prompt string) (string, error) {
	all, err := r.Branches(ctx)
	if err != nil {
		return "", wrap(err, CodeWorktreeFailed)
	}
	taken := map[string]bool{}
	for _, b := range all {
		taken[b.Name] = true
	}
	prefix := namedIn
	if taken[strings.TrimSuffix(namedIn, "/")] { // git has no branch beside one of its folder's name
		prefix = strings.Replace(namedIn, "/", "-", 1)
	}
	name := prefix + firstWords(prompt)
	free := name
	for n := 2; taken[free] || m.place(r.Root, free).exists(); n++ {
		free = name + "-" + strconv.Itoa(n)
	}
	return free, nil
}

// firstWords are the first words of a prompt as a part of a branch's name: letters, digits and dashes.
func firstWords(prompt string) string {
	words := strings.FieldsFunc(strings.ToLower(prompt), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	})
	name := ""
	for i, word := range words {
		word = strings.ReplaceAll(word, "'", "")
		if word == "" {
			continue
		}
		if name != "" && (i >= maxWords || len(name)+1+len(word) > maxName) {
			break
		}
		name = strings.TrimPrefix(name+"-"+cut(word, maxName), "-")
	}
	if name == "" {
		return "work"
	}
	return name
}

// cut is the beginning of a word, of at most n bytes.
func cut(word string, n int) string {
	if len(word) <= n {
		return word
	}
	return strings.ToValidUTF8(word[:n], "")
}
