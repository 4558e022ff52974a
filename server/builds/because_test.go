package builds

import (
	"testing"

	"github.com/gilmanlab/hjk-ls/images"
)

// TestRecordSaysWhatBeganABuild has two processes that see one change of an environment, between which a folder that is copied was
// written: for the second nothing is left to build. A change of all inputs is told by those.
func TestRecordSaysWhatBeganABuild(t *testing.T) {
	s := testStore(t)
	u := Unit{Source: images.Source{Dockerfile: "/x/Dockerfile"}, Tags: []string{"x"}}
	whole := u
	whole.All = true
	build := func(u Unit, input, image string) Result {
		t.Helper()
		job, err := s.Begin(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		defer job.Close()
		if err := job.Start(input); err != nil {
			t.Fatal(err)
		}
		if _, err := job.End(images.BuildResult{Image: images.Image{ID: image}}, nil, false); err != nil {
			t.Fatal(err)
		}
		return s.Read(u.Key()).Latest
	}
	first := build(u.because("e1"), "files1", "image1")
	for _, c := range []struct {
		what  string
		by    Result
		unit  Unit
		input string
		want  bool
	}{
		{"the same environment, other folders", first, u.because("e1"), "files2", true},
		{"another environment of the same files", first, u.because("e2"), "files1", false},
		{"all inputs, the same", first, whole.because("files1"), "files1", true},
		{"all inputs, others", first, whole.because("files2"), "files2", false},
		{"a build that was asked for", build(u, "", "image2"), u.because("e1"), "files1", false},
	} {
		if got := c.by.Answers(c.unit, c.input); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	for i, image := range []string{"image3", "image4", "image5"} {
		build(u.because(image), image, image)
		if err := s.Confirm(t.Context(), u.Key(), image); err != nil {
			t.Fatal(err)
		}
		if kept := s.Kept(); !kept[image] || i > 0 && !kept[[]string{"image3", "image4"}[i-1]] || i > 1 && kept["image3"] {
			t.Errorf("after %s: kept are %v", image, kept)
		}
	}
}
