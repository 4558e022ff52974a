package agents

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"
)

// ExecArgs is the argument object of hjk-ls.exec.
type ExecArgs struct {
	Workspace string            `json:"workspace,omitempty"`
	Branch    string            `json:"branch"`
	Short     bool              `json:"-"` // Branch may be the beginning of one, or be left out in a checkout of an instance
	Command   []string          `json:"command"`
	Cwd       string            `json:"cwd,omitempty"` // absolute, or below the worktree
	Env       map[string]string `json:"env,omitempty"`
	As        string            `json:"as,omitempty"` // agent whose variables and credentials it gets
	NoStart   bool              `json:"noStart,omitempty"`
	Stdin     string            `json:"stdin,omitempty"`
	TimeoutMS int64             `json:"timeoutMs,omitempty"`
}

// ExecResult is the result of hjk-ls.exec.
type ExecResult struct {
	ExitCode  int    `json:"exitCode"`
	Stdout    string `json:"stdout"`
	Stderr    string `json:"stderr"`
	Truncated bool   `json:"truncated,omitempty"` // one of them was longer than maxExecText
}

// maxExecText is how much of each output of a command is kept.
const maxExecText = 1 << 20

// Exec runs a command whose input is in its arguments and whose output is its result.
func (m *Manager) Exec(ctx context.Context, a ExecArgs, fb Feedback) (ExecResult, error) {
	return m.ExecFrom(ctx, a, ExecStreams{In: strings.NewReader(a.Stdin)}, fb)
}

// ExecFrom is Exec with other input. The result keeps the beginning of each output; the command may write more.
func (m *Manager) ExecFrom(ctx context.Context, a ExecArgs, s ExecStreams, fb Feedback) (ExecResult, error) {
	var out, err capped
	s.Out, s.Err = &out, &err
	end, failed := m.ExecStreams(ctx, a, s, fb)
	if CodeOf(failed) == CodeCommandTimeout {
		return ExecResult{}, Errorf(CodeCommandTimeout, "%w; it had written:\n%s", failed, lastOf(out.text()+err.text()))
	}
	if failed != nil {
		return ExecResult{}, failed
	}
	return ExecResult{ExitCode: end.Code, Stdout: out.text(), Stderr: err.text(), Truncated: out.more || err.more}, nil
}

// capped keeps the first maxExecText bytes of what is written to it.
type capped struct {
	kept []byte
	more bool
}

var _ io.Writer = (*capped)(nil)

// Write implements io.Writer.
func (b *capped) Write(p []byte) (int, error) {
	n := min(len(p), maxExecText-len(b.kept))
	b.kept = append(b.kept, p[:n]...)
	b.more = b.more || n < len(p)
	return len(p), nil
}

// text is what was kept, without the beginning of a character at its cut.
func (b *capped) text() string {
	kept := b.kept
	for i := 1; b.more && i < utf8.UTFMax && i <= len(kept); i++ {
		if c := kept[len(kept)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(kept[len(kept)-i:]) {
				kept = kept[:len(kept)-i]
			}
			break
		}
	}
	return string(kept)
}

// lastOf is the end of a text, for a message.
func lastOf(text string) string {
	const most = 2 << 10
	if cut := len(text) - most; cut > 0 {
		text = strings.ToValidUTF8(text[cut:], "")
	}
	return strings.TrimSpace(text)
}

// Existing is an error when there is no instance of a branch.
func (m *Manager) Existing(ctx context.Context, a BranchArgs) error {
	r, err := m.repo(ctx, a.Workspace, a.Branch)
	if err != nil {
		return err
	}
	p, err := m.placeOf(ctx, r, a.Branch)
	if err != nil {
		return err
	}
	if !p.exists() {
		return m.missing(ctx, p)
	}
	return nil
}
