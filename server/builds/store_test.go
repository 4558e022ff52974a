package builds

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gilmanlab/hjk-ls/images"
)

func testStore(t testing.TB) *Store {
	return &Store{
		Dir:  t.TempDir(),
		Lock: func(context.Context, string) (func(), error) { return func() {}, nil },
		Held: func(string) bool { return false },
	}
}

// TestReadersSeeWhatIsWritten has a reader that keeps what it read and a writer that changes it.
func TestReadersSeeWhatIsWritten(t *testing.T) {
	s := testStore(t)
	u := Unit{Source: images.Source{Dockerfile: "/x/Dockerfile"}, Tags: []string{"x"}}
	for i := range 40 {
		job, err := s.Begin(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		input := fmt.Sprint(i)
		if err := job.Start(input); err != nil {
			t.Fatal(err)
		}
		if r := s.Read(u.Key()); r.Latest.Input != input {
			t.Fatalf("%d: running is %+v", i, r.Latest)
		}
		if _, err := job.End(images.BuildResult{Image: images.Image{ID: "image-" + input}}, nil, false); err != nil {
			t.Fatal(err)
		}
		job.Close()
		before := s.Read(u.Key())
		if err := s.Confirm(t.Context(), u.Key(), input); err != nil {
			t.Fatal(err)
		}
		after := s.Of("/x/Dockerfile")[0]
		if len(before.Known) != min(i, maxKnown) || len(after.Known) != min(i+1, maxKnown) || after.Known[0].Image != "image-"+input {
			t.Fatalf("%d: %d, then %d known", i, len(before.Known), len(after.Known))
		}
		if i > 0 && before.Known[0].Input != fmt.Sprint(i-1) {
			t.Fatalf("what was read before changed: %+v", before.Known[0])
		}
	}
	if logs, _ := filepath.Glob(s.Dir + "/*.log*"); len(logs) != 1+oldLogs {
		t.Errorf("%d logs", len(logs))
	}
	if err := s.Prune(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(s.Dir); len(left) != 0 || len(s.Of("/x/Dockerfile")) != 0 {
		t.Errorf("left of a Dockerfile that is gone: %v", left)
	}
}

func TestLogIsBounded(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &capped{f: f, left: maxLog}
	line := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for range 20 {
		if n, err := c.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if fi, err := f.Stat(); err != nil || fi.Size() > maxLog+100 || fi.Size() < maxLog-100 {
		t.Errorf("%d bytes %v", fi.Size(), err)
	}
}

// BenchmarkOf is what a key that is typed in a Dockerfile costs, with as much as a record holds.
func BenchmarkOf(b *testing.B) {
	s := testStore(b)
	var steps []images.Step
	for i := range 40 {
		steps = append(steps, images.Step{Line: i, Text: fmt.Sprintf("RUN make %d", i), Tail: strings.Repeat("a line of output that is kept\n", 10)})
	}
	r := Record{Dockerfile: "/x/Dockerfile", Steps: steps}
	for i := range maxKnown {
		r.learn(Known{Input: fmt.Sprint(i), Image: "image", Steps: steps})
	}
	if err := s.write(Unit{Source: images.Source{Dockerfile: r.Dockerfile}}.Key(), r); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.Of(r.Dockerfile)
	}
}
