package agents

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/system"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// marks say how often what no engine tells of was seen to change, as far back as whoever looks remembers. Another mark is a
// change.
type marks struct {
	Instances map[string]mark   `json:"instances"` // by name
	Repos     map[string]string `json:"repos"`     // by root: references, and what is checked out where
}

type mark struct {
	Repo     string `json:"repo"` // as it was when the instance was made
	Sessions string `json:"sessions"`
	Git      string `json:"git"` // inside
}

// lookout looks at the files of all instances for all servers of a user: one of them looks, and the others look at what that
// one writes. The lock says who; the kernel gives it to another when that one dies, and a leader that is stopped or hangs is
// passed over when it has not been heard of for a while.
type lookout struct {
	m      *Manager
	lead   *instanceLock
	epoch  string // of this leader: all that follow look at everything once when another leads
	seq    int
	places map[string]place // by name
	seen   map[string]*sights
	hosts  map[string]*hosted
	now    marks
	beat   time.Time // when the leader said last that it lives
	file   os.FileInfo
}

// sights are the stamps of one instance.
type sights struct {
	sessions known[int64]
	git      known[string]
	pause    time.Time // an instance that took long to look at is not looked at before
}

// hosted is a repository that has instances.
type hosted struct {
	repo  *workspace.Repo // nil where there is none
	stamp known[string]
	retry time.Time
}

const (
	// leaderLate is how long a leader may be silent.
	leaderLate = 3 * time.Second
	leaderBeat = time.Second
	// lookShare is how much longer than looking at one instance took it is left alone.
	lookShare = 20
)

func newLookout(m *Manager) *lookout {
	return &lookout{m: m, epoch: rand.Text()[:8], seen: map[string]*sights{}, hosts: map[string]*hosted{}}
}

func (l *lookout) lockFile() string  { return filepath.Join(l.m.opts.StateDir, "watch.lock") }
func (l *lookout) marksFile() string { return filepath.Join(l.m.opts.StateDir, "watch.json") }

// look tells how things are now.
func (l *lookout) look(ctx context.Context) marks {
	entries, err := os.ReadDir(filepath.Join(l.m.opts.StateDir, "instances"))
	if err != nil || len(entries) == 0 {
		l.end()
		l.now = marks{}
		return l.now
	}
	if l.leads() {
		if l.stamp(ctx, l.found(entries)) {
			l.publish()
		}
		l.live()
	} else {
		l.read()
	}
	return l.now
}

// found are the instances of state folders, whose records do not change.
func (l *lookout) found(entries []os.DirEntry) []place {
	all := map[string]place{}
	var listed []place
	for _, e := range entries {
		p, ok := l.places[e.Name()]
		if !ok {
			p, ok = l.m.recorded(e.Name())
		}
		if ok {
			all[p.name] = p
			listed = append(listed, p)
		}
	}
	l.places = all
	maps.DeleteFunc(l.seen, func(name string, _ *sights) bool { _, ok := all[name]; return !ok })
	return listed
}

// leads reports whether this server is to look itself: as the one that looks for all, or because that one is silent.
func (l *lookout) leads() bool {
	if l.lead != nil {
		return true
	}
	lock, err := tryLock(l.lockFile(), exclusive)
	if err == nil {
		l.lead = lock
		return true
	}
	if !errors.Is(err, errLocked) {
		return true // nobody can be told anything
	}
	fi, err := os.Lstat(l.lockFile())
	return err != nil || time.Since(fi.ModTime()) > leaderLate
}

// live says that this leader does.
func (l *lookout) live() {
	if now := time.Now(); l.lead != nil && now.Sub(l.beat) > leaderBeat {
		l.beat = now
		_ = os.Chtimes(l.lockFile(), now, now)
	}
}

func (l *lookout) end() {
	if l.lead != nil {
		l.lead.unlock()
		l.lead = nil
	}
}

// next is a mark that nobody has seen.
func (l *lookout) next() string {
	l.seq++
	return fmt.Sprintf("%s-%d", l.epoch, l.seq)
}

// stamp looks at all instances and reports whether something changed.
func (l *lookout) stamp(ctx context.Context, places []place) bool {
	was := l.now
	l.now = marks{Instances: map[string]mark{}, Repos: map[string]string{}}
	for _, p := range places {
		h := l.host(ctx, p.Repo)
		l.now.Instances[p.name] = l.instance(p, h, was.Instances[p.name])
		if h.repo == nil || l.now.Repos[p.Repo] != "" {
			continue
		}
		l.now.Repos[p.Repo] = was.Repos[p.Repo]
		if sum, settled := h.repo.HostStamp(); h.stamp.changed(sum, settled) || was.Repos[p.Repo] == "" {
			l.now.Repos[p.Repo] = l.next()
		}
	}
	return !maps.Equal(was.Instances, l.now.Instances) || !maps.Equal(was.Repos, l.now.Repos)
}

func (l *lookout) instance(p place, h *hosted, was mark) mark {
	s := l.seen[p.name]
	if s == nil {
		s = &sights{}
		l.seen[p.name] = s
	}
	begin := time.Now()
	if begin.Before(s.pause) && was.Sessions != "" {
		return was
	}
	now := mark{p.Repo, was.Sessions, was.Git}
	if sum, settled := sessionStamp(p); s.sessions.changed(sum, settled) || was.Sessions == "" {
		now.Sessions = l.next()
	}
	if h.repo != nil {
		if sum, settled := h.repo.Private(workspace.Worktree{}, p.gitDir(), p.name).InnerStamp(); s.git.changed(sum, settled) || was.Git == "" {
			now.Git = l.next()
		}
	}
	if took := time.Since(begin); took > watchPoll/lookShare {
		s.pause = begin.Add(lookShare * took)
	}
	return now
}

// host opens a repository once.
func (l *lookout) host(ctx context.Context, root string) *hosted {
	h := l.hosts[root]
	if h == nil {
		h = &hosted{}
		l.hosts[root] = h
	}
	if _, err := os.Lstat(root); err != nil {
		h.repo = nil
		return h
	}
	if now := time.Now(); h.repo == nil && now.After(h.retry) {
		h.retry = now.Add(10 * time.Second)
		h.repo, _ = l.m.open(ctx, root) // which it may not be any more
	}
	return h
}

// publish tells the others.
func (l *lookout) publish() {
	if l.lead == nil {
		return
	}
	b, err := json.Marshal(l.now)
	if err != nil {
		return
	}
	tmp := l.marksFile() + ".tmp"
	if os.WriteFile(tmp, b, 0o600) == nil {
		_ = os.Rename(tmp, l.marksFile()) // who cannot be told finds out when the leader ends
	}
}

// read takes over what the leader saw.
func (l *lookout) read() {
	fi, err := os.Lstat(l.marksFile())
	if err != nil || l.file != nil && os.SameFile(fi, l.file) && fi.ModTime().Equal(l.file.ModTime()) {
		return
	}
	b, err := os.ReadFile(l.marksFile())
	var now marks
	if err == nil && json.Unmarshal(b, &now) == nil {
		l.now = now
		if l.file = fi; !system.Settled(fi.ModTime(), time.Now()) {
			l.file = nil
		}
	}
}

// sessionStamp folds the change times of an instance's session state files into a number: it changes when one of them is
// written, made or removed. It reads no content, so an agent cannot make it expensive.
func sessionStamp(p place) (sum int64, settled bool) {
	now := time.Now()
	settled = true
	container.SessionTimes(p.runDir(), func(changed time.Time) {
		sum = sum*31 + changed.UnixNano()
		settled = settled && system.Settled(changed, now)
	})
	return sum, settled
}
