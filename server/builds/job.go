package builds

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Job is one build of a unit while it has the unit's lock.
type Job struct {
	store  *Store
	unit   Unit
	key    string
	record Record
	id     string // of the build
	unlock func()
	log    *log
}

// Begin waits for the unit. Close the job.
func (s *Store) Begin(ctx context.Context, u Unit) (*Job, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	key := u.Key()
	unlock, err := s.Lock(ctx, s.path(key, ".lock"))
	if err != nil {
		return nil, err
	}
	return &Job{store: s, unit: u, key: key, record: s.read(key), id: rand.Text(), unlock: unlock}, nil
}

// ID is the build's, before it starts.
func (j *Job) ID() string { return j.id }

// Latest is the last build of the unit before this one.
func (j *Job) Latest() Result { return j.record.Latest }

// Agreed reports whether the user has had this built before, or saved it in an editor.
func (j *Job) Agreed(agreement string) bool { return slices.Contains(j.record.Agreed, agreement) }

// Agree remembers that the user has asked for a build of this.
func (j *Job) Agree(agreement string) {
	all := slices.DeleteFunc(slices.Clone(j.record.Agreed), func(old string) bool { return old == agreement })
	all = slices.Insert(all, 0, agreement)
	j.record.Agreed = all[:min(len(all), maxAgreed)]
}

// Guard says that the build is one that nobody asked for.
func (j *Job) Guard() { j.record.Latest.Guarded = true }

// Known is the image that came of an input before. One of a build that nobody asked for may lack what the user's would have.
func (j *Job) Known(input string) (string, bool) {
	for _, k := range j.record.Known {
		if k.Input == input && input != "" && (!k.Guarded || !j.unit.Saved) {
			return k.Image, true
		}
	}
	return "", false
}

// Start begins a build: its record says that it runs, and its log is opened.
func (j *Job) Start(input string) error {
	j.record.Tags = j.unit.Tags
	j.record.Dockerfile, j.record.Target = j.unit.Source.Dockerfile, j.unit.Options.Target
	j.record.Latest = Result{
		ID: j.id, Input: input, Environment: j.unit.Environment, State: Running, Branch: j.unit.Branch,
		StartedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := j.store.rotate(j.key); err != nil {
		return err
	}
	var err error
	if j.log, err = openLog(j.store.LogFile(j.key)); err != nil {
		return err
	}
	return j.store.write(j.key, j.record)
}

// Status takes a part of the build's status stream into the log.
func (j *Job) Status(s *bkclient.SolveStatus) { j.log.status(s) }

// Answer ends a job without a build: an image came of the same input before. As a whole it counts as a build.
func (j *Job) Answer(input, image string) (Result, error) {
	if err := j.Start(input); err != nil {
		return Result{}, err
	}
	_, _ = fmt.Fprintln(j.log.f, "Nothing was built: the image of this content is known from an earlier build.")
	for _, k := range j.record.Known {
		if k.Input == input {
			j.record.Steps = k.Steps
		}
	}
	return j.end(images.BuildResult{Image: images.Image{ID: image}, Facts: j.record.Steps}, nil, false)
}

// Refuse says that it is the user who ends the build.
func (j *Job) Refuse() { j.record.Latest.Refused = true }

// End tells how the build went.
func (j *Job) End(res images.BuildResult, err error, canceled bool) (Result, error) {
	j.record.Steps = merge(j.record.Steps, res.Facts, j.text(), err == nil)
	return j.end(res, err, canceled)
}

func (j *Job) end(res images.BuildResult, err error, canceled bool) (Result, error) {
	now := &j.record.Latest
	now.DurationMS = time.Since(now.StartedAt).Milliseconds()
	switch {
	case err == nil:
		now.State, now.Image = Succeeded, res.Image.ID
		good := *now
		j.record.Built, j.record.Failed = &good, nil
	case canceled:
		now.State = Canceled
	default:
		now.State, now.Error = Failed, err.Error()
		now.Failure = failure(err)
		bad := *now
		j.record.Failed = &bad
	}
	j.log.finish(*now)
	return *now, j.store.write(j.key, j.record)
}

// text is the Dockerfile as it is now, as far as it can be read.
func (j *Job) text() dockerfile.File {
	b, err := images.Text(j.unit.Source)
	if err != nil {
		return dockerfile.File{}
	}
	f, _ := dockerfile.Parse(b) // one that cannot be understood has no instructions
	return f
}

// Close lets the unit go.
func (j *Job) Close() {
	if j.log != nil {
		j.log.close()
	}
	j.unlock()
}

// Confirm remembers the image of a unit's last build as what comes of an input. It is for who has seen that the input was
// the same after the build as before: a file that changes meanwhile may or may not be in the image.
func (s *Store) Confirm(ctx context.Context, key, input string) error {
	unlock, err := s.Lock(ctx, s.path(key, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	r := s.read(key)
	if r.Latest.Input != input || r.Latest.State != Succeeded {
		return nil
	}
	r.learn(Known{Input: input, Image: r.Latest.Image, Steps: r.Steps, Guarded: r.Latest.Guarded})
	return s.write(key, r)
}

// Learn remembers the image of a build that succeeded, as Confirm does, while the unit is still locked.
func (j *Job) Learn() error {
	now := j.record.Latest
	j.record.learn(Known{Input: now.Input, Image: now.Image, Steps: j.record.Steps, Guarded: now.Guarded, Asked: true})
	return j.store.write(j.key, j.record)
}

// learn remembers an image.
func (r *Record) learn(k Known) {
	if k.Input == "" {
		return
	}
	r.Known = slices.DeleteFunc(r.Known, func(old Known) bool { return old.Input == k.Input })
	r.Known = slices.Insert(r.Known, 0, k)
	r.Known = r.Known[:min(len(r.Known), maxKnown)]
}

// merge keeps what was known of steps that a build did not get to, and how long those took that were cached.
func merge(old, now []images.Step, f dockerfile.File, whole bool) []images.Step {
	known := map[string]images.Step{}
	for _, s := range old {
		known[s.Text] = s
	}
	seen := map[string]bool{}
	out := make([]images.Step, 0, len(now))
	for _, s := range now {
		was := known[s.Text]
		if s.Cached && s.Time == 0 {
			s.Time = was.Time
		}
		if s.Cached && s.Tail == "" {
			s.Tail = was.Tail
		}
		if s.Size == nil && !whole {
			s.Size = was.Size
		}
		seen[s.Text] = true
		out = append(out, s)
	}
	if whole {
		return out
	}
	for _, in := range f.Instructions {
		if s, ok := known[in.Text]; ok && !seen[in.Text] {
			s.Line, s.EndLine = in.StartLine, in.EndLine
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b images.Step) int { return a.Line - b.Line })
	return out
}

func failure(err error) *Failure {
	var be *images.BuildError
	if !errors.As(err, &be) {
		return nil
	}
	return &Failure{
		Line: be.StartLine, Text: be.Text, Raw: be.Raw, Message: be.Err.Error(), ExitCode: be.ExitCode, Tail: be.LogTail, Related: be.Related,
	}
}

// maxLog bounds a build's log.
const maxLog = 16 << 20

// log writes a build's status as `docker build --progress=plain` shows it.
type log struct {
	f    *os.File
	ch   chan *bkclient.SolveStatus
	done chan struct{}
}

func openLog(path string) (*log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	show, err := progressui.NewDisplay(&capped{f: f, left: maxLog}, progressui.PlainMode)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &log{f: f, ch: make(chan *bkclient.SolveStatus, 64), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		_, _ = show.UpdateFrom(context.Background(), l.ch)
	}()
	return l, nil
}

func (l *log) status(s *bkclient.SolveStatus) {
	select {
	case l.ch <- s:
	case <-l.done:
	}
}

// finish writes the last line, after all status.
func (l *log) finish(r Result) {
	close(l.ch)
	<-l.done
	line := fmt.Sprintf("%s after %.1f s %s", r.State, float64(r.DurationMS)/1000, r.Image)
	if r.Error != "" {
		line += "\n" + plain.Message(r.Error)
	}
	_, _ = fmt.Fprintln(l.f, strings.TrimRight(line, " "))
	l.ch = nil
}

func (l *log) close() {
	if l.ch != nil {
		close(l.ch)
		<-l.done
	}
	_ = l.f.Close()
}

// capped passes on as much as there is room for.
type capped struct {
	f    *os.File
	left int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.left <= 0 {
		return len(b), nil
	}
	n := min(len(b), c.left)
	_, err := c.f.Write(b[:n])
	if c.left -= n; c.left == 0 {
		_, full := c.f.WriteString("\n(the rest is left out)\n")
		err = errors.Join(err, full)
	}
	return len(b), err
}
