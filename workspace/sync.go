package workspace

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
)

// How the two sides of a branch stand.
const (
	Synced   = "synced"   // both are at the same commit
	Diverged = "diverged" // both have moved; each keeps its own until somebody merges
	Held     = "held"     // the agent's commits are not taken over, for the reason in the message
)

// Report is how the last sync ended.
type Report struct {
	State   string     `json:"state"`
	Message string     `json:"message,omitempty"` // what to do, unless synced
	Refs    []AgentRef `json:"refs,omitempty"`
}

// AgentRef is a branch, tag or note of the agent's own, which the host has under another name.
type AgentRef struct {
	Name   string `json:"name"` // inside
	Ref    string `json:"ref"`  // on the host
	Commit string `json:"commit"`
}

// Namespace is where the host keeps the references of one instance that are not the branch it works on.
func Namespace(instance string) string { return "refs/headjack/" + instance + "/" }

// Sync brings what was committed inside to the host's branch, and what the host has to the container. It costs a few
// stats when nothing has happened since the last time.
func (p *Private) Sync(ctx context.Context) (Report, error) { return p.sync(ctx, false) }

// SyncAnew is a Sync that reads all references again. Before a removal nothing less will do: who writes a reference's file in
// place, as git does not, leaves its folder's time as it was.
func (p *Private) SyncAnew(ctx context.Context) (Report, error) { return p.sync(ctx, true) }

func (p *Private) sync(ctx context.Context, anew bool) (Report, error) {
	unlock, err := lockPrivate(ctx, p.dir, 0)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	return p.syncLocked(ctx, anew)
}

func (p *Private) syncLocked(ctx context.Context, anew bool) (Report, error) {
	st, err := p.load(ctx)
	if err != nil {
		return Report{}, err
	}
	// What changes while this sync works must not pass for known: the stamp that is kept is the one from before it looked.
	began := time.Now()
	stamp, settled := p.refsStamp()
	if settled && st.Stamp == stamp && !anew && !p.due(began) {
		return st.Report, nil
	}
	root, err := os.OpenRoot(p.agent())
	if err != nil {
		return Report{}, err
	}
	defer root.Close()
	if err := p.loadMirrored(ctx, root, &st); err != nil {
		return Report{}, err
	}
	p.clearLocks(root)
	s := syncing{Private: p, root: root, st: &st}
	err = s.run(ctx)
	if st.Stamp = ""; settled && !s.again && err == nil {
		st.Stamp = stamp
	}
	s.retry(began)
	return st.Report, errors.Join(err, p.save(st)) // also what came over before a time limit
}

// Last is how the last sync ended; it reads a small file.
func (p *Private) Last() Report {
	st, err := p.read()
	if err != nil {
		return Report{}
	}
	return st.Report
}

// syncing is one sync.
type syncing struct {
	*Private
	root *os.Root
	st   *syncState

	host  map[string]string // references by name
	refs  *innerRefs
	again bool // what is known now must not be relied on: git inside was in the way

	failing bool // something failed that need not fail again, such as a full disk
}

// inside is a reference of the agent's.
func (s *syncing) inside(ref string) string { return s.refs.ids[ref] }

func (s *syncing) run(ctx context.Context) (err error) {
	if s.host, err = s.repo.snapshot(ctx); err != nil {
		return err
	}
	s.st.Report = Report{State: Synced}
	if s.refs, err = agentRefs(ctx, s.root); err != nil {
		s.failing = isTransient(err)
		s.hold("the agent's references cannot be read: " + err.Error())
		return nil
	}
	if err := s.publish(ctx); err != nil {
		return err
	}
	if err := s.branch(ctx); err != nil {
		return err
	}
	if s.host, err = s.repo.snapshot(ctx); err != nil {
		return err
	}
	err = s.mirror(ctx, s.root, s.st, s.host)
	if errors.Is(err, fs.ErrExist) { // git inside writes just now: next time
		s.again, err = true, nil
	}
	return err
}

func (s *syncing) hold(message string) {
	s.st.Report.State, s.st.Report.Message = Held, oneLine(message)
}

// oneLine is the first line of a message that may quote the agent, without control characters.
func oneLine(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, message)
}

// Forget deletes what the host keeps of the instance's own references.
func (r *Repo) Forget(ctx context.Context, instance string) error {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=delete %(refname)", Namespace(instance))
	if err != nil || out == "" {
		return err
	}
	_, err = gitWith(ctx, call{dir: r.CommonDir, stdin: out}, "update-ref", "--stdin")
	return err
}
