//go:build unix

package workspace

import (
	"strings"
	"testing"
)

// inners looks into what the agent made, as a removal does.
func (s *sides) inners() Unsaved {
	s.t.Helper()
	var u Unsaved
	if _, err := s.p.Inner(s.t.Context(), &u); err != nil {
		s.t.Error(err)
	}
	s.p.EndInner()
	return u
}

// TestInnerRepositoriesThatAreHostile has an agent make repositories that lead elsewhere, make git wait or run something: what cannot be
// looked into counts as work, nothing outside is read, and nothing runs.
func TestInnerRepositoriesThatAreHostile(t *testing.T) {
	const git = "unset GIT_DIR GIT_WORK_TREE GIT_ALTERNATE_OBJECT_DIRECTORIES; "
	for _, c := range []struct{ name, script, want, not string }{
		{"a FIFO for a HEAD", "git init -q n; rm n/.git/HEAD; mkfifo n/.git/HEAD", "n (cannot be looked into", ""},
		{"a FIFO for an object", "git init -q n; git -C n commit -q --allow-empty -m x; f=$(find n/.git/objects -type f | head -1); rm -f $f; mkfifo $f", "n: ", ""},
		{"a FIFO for ignore rules", "git init -q n; mkfifo n/.gitignore; echo w >n/w", "n/.gitignore", ""},
		{"objects of another's", "git init -q ../../secret; git -C ../../secret commit -q --allow-empty -m secret; git init -q n; echo $PWD/../../secret/.git/objects >n/.git/objects/info/alternates; git -C n update-ref refs/heads/x $(git -C ../../secret rev-parse HEAD)", "missing or broken", "secret"},
		{"a link for objects", "git init -q ../../secret; git -C ../../secret commit -q --allow-empty -m secret; git init -q n; rm -r n/.git/objects; ln -s $PWD/../../secret/.git/objects n/.git/objects; git -C n update-ref refs/heads/x $(git -C ../../secret rev-parse HEAD)", "missing or broken", "secret"},
		{"a link for a git directory", "git init -q ../../secret; git -C ../../secret commit -q --allow-empty -m secret; mkdir n; ln -s $PWD/../../secret/.git n/.git; echo w >n/w", "", "secret"},
		{"a file that leads out", "git init -q ../../secret; git -C ../../secret commit -q --allow-empty -m secret; mkdir n; echo gitdir: $PWD/../../secret/.git >n/.git", "n (cannot be looked into", "secret\n"},
		{"a common directory that leads out", "git init -q ../../secret; git init -q n; echo $PWD/../../secret/.git >n/.git/commondir; echo gitdir: n/.git >x; mkdir m; echo gitdir: ../n/.git >m/.git", "m (cannot be looked into", ""},
		{"a configuration that runs something", "git init -q n; git -C n config core.fsmonitor 'touch ran;:'; git -C n config include.path $PWD/fifo; mkfifo fifo; echo w >n/w", "n/w", ""},
		{"a filter", "git init -q n; git -C n config filter.x.clean 'touch ran; cat'; echo '* filter=x' >n/.gitattributes; git -C n add .; git -C n commit -q -m x; echo w >>n/.gitattributes", "n/.gitattributes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSides(t)
			s.in(git + c.script)
			s.in("find .. -name ran -delete") // by the agent itself
			u := s.inners()
			all := strings.Join(append(append(u.Commits, u.Untracked...), u.Modified...), "\n") + "\n"
			if !strings.Contains(all, c.want) || c.not != "" && strings.Contains(all, c.not) {
				t.Errorf("it says %q", all)
			}
			if got := s.in(git + "find .. -name ran"); got != "" {
				t.Errorf("it ran: %s", got)
			}
		})
	}
}
