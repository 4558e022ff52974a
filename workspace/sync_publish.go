package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// publish brings the agent's own references, and the branch's new commits, under the instance's namespace. Those whose
// objects are missing or broken, or that would plant a repository, are left out, and so is what is beyond the ceilings.
func (s *syncing) publish(ctx context.Context) error {
	own, err := s.own(ctx)
	if err != nil {
		return err
	}
	s.bound(own)
	defer s.report()
	if maps.Equal(own, s.st.Published) {
		return nil
	}
	err = s.withdraw(ctx, own)
	if err == nil {
		err = s.quarantine(ctx, s.root)
	}
	if err == nil {
		err = s.fetchLFS(ctx, s.root)
	}
	if err == nil {
		err = s.bring(ctx, own)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w; %d of %d references of the agent's are here, and the next sync goes on", context.Cause(ctx), len(s.st.Published), len(own))
	}
	if err != nil {
		var limit limitError
		s.failing = s.failing || !errors.As(err, &limit)
		s.hold(fmt.Sprintf("what %s has is not taken over: %v", s.name, err))
	}
	return nil
}

// bound deletes from own what is beyond the ceiling, and what cannot be beside another reference.
func (s *syncing) bound(own map[string]string) {
	n, names := 0, map[string]bool{}
	branch := "refs/heads/" + s.st.Inside
	for _, ref := range slices.SortedFunc(maps.Keys(own), func(a, b string) int {
		if a == branch || b == branch {
			return map[bool]int{true: -1, false: 1}[a == branch]
		}
		return strings.Compare(s.hostName(a), s.hostName(b))
	}) {
		if n++; n > maxOwn {
			s.hold(fmt.Sprintf("%s has %d references of its own; those beyond %d are not taken over: delete some inside", s.name, len(own), maxOwn))
			maps.DeleteFunc(own, func(ref, _ string) bool { return !names[s.hostName(ref)] })
			return
		}
		host := s.hostName(ref)
		for i, c := range host {
			if c == '/' && names[host[:i]] {
				s.hold(fmt.Sprintf("%s of %s is not taken over: it cannot be beside %s", strings.TrimPrefix(ref, "refs/"), s.name, host[:i]))
				delete(own, ref)
			}
		}
		if own[ref] != "" {
			names[host] = true
		}
	}
}

// withdraw deletes what the host has of references that the agent has no more.
func (s *syncing) withdraw(ctx context.Context, own map[string]string) error {
	var gone strings.Builder
	for ref := range s.st.Published {
		if own[ref] == "" {
			fmt.Fprintf(&gone, "delete %s\n", s.hostName(ref))
		}
	}
	if gone.Len() == 0 {
		return nil
	}
	if err := s.updateRefs(ctx, gone.String()); err != nil {
		return err
	}
	maps.DeleteFunc(s.st.Published, func(ref, _ string) bool { return own[ref] == "" })
	return nil
}

// updateRefs changes references of the host, all or none of them.
func (s *syncing) updateRefs(ctx context.Context, commands string) error {
	_, err := gitPatient(ctx, call{dir: s.repo.CommonDir, stdin: commands}, "update-ref", "--stdin")
	return err
}

const (
	together  = 500 // references that are brought over at once, so that what came over before a time limit is kept
	mostTries = 60  // how often a bad reference is looked for
)

// bring brings own references over, the branch first.
func (s *syncing) bring(ctx context.Context, own map[string]string) error {
	sift := sifting{syncing: s, tries: mostTries, bad: map[string]error{}, names: map[string][]string{}, called: s.hostName, got: s.st.Published}
	branch := "refs/heads/" + s.st.Inside
	var ids []string
	for _, ref := range slices.Sorted(maps.Keys(own)) {
		if id := own[ref]; s.st.Published[ref] != id {
			if sift.names[id] == nil && ref != branch {
				ids = append(ids, id)
			}
			sift.names[id] = append(sift.names[id], ref)
		}
	}
	if id := own[branch]; len(sift.names[id]) > 0 {
		ids = slices.DeleteFunc(ids, func(other string) bool { return other == id })
		if err := sift.try(ctx, []string{id}); err != nil {
			return err
		}
	}
	if err := sift.all(ctx, ids); err != nil {
		return err
	}
	sift.tell(own)
	return nil
}

// sifting brings references over and finds those among them that cannot be.
type sifting struct {
	*syncing
	names  map[string][]string // references by what they are of
	called func(string) string // what one is called on the host
	linked bool                // as in vetting
	got    map[string]string   // those that came
	bad    map[string]error
	tries  int
}

// all brings what it can of any number.
func (s *sifting) all(ctx context.Context, ids []string) error {
	for group := range slices.Chunk(ids, together) {
		if err := s.try(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// try brings what it can of a group. It is an error when that says nothing of the references, as of a full disk.
func (s *sifting) try(ctx context.Context, ids []string) error {
	if s.tries--; s.tries < 0 {
		for _, id := range ids {
			s.bad[id] = limitError("too many references beside it are broken")
		}
		return nil
	}
	err := s.vet(ctx, ids, s.linked)
	if err == nil {
		err = s.fetch(ctx, ids)
	}
	if err == nil {
		s.tries++
		return s.arrived(ctx, ids)
	}
	if ctx.Err() != nil || isTransient(err) {
		return err
	}
	if len(ids) == 1 {
		s.bad[ids[0]] = err
		return nil
	}
	half := len(ids) / 2
	if err := s.try(ctx, ids[:half]); err != nil {
		return err
	}
	return s.try(ctx, ids[half:])
}

// arrived gives what was fetched its references.
func (s *sifting) arrived(ctx context.Context, ids []string) error {
	var commands strings.Builder
	for _, id := range ids {
		for _, ref := range s.names[id] {
			fmt.Fprintf(&commands, "update %s %s\n", s.called(ref), id)
		}
	}
	if err := s.updateRefs(ctx, commands.String()); err != nil {
		return err
	}
	for _, id := range ids {
		for _, ref := range s.names[id] {
			s.got[ref] = id
		}
	}
	return nil
}

// tell holds the instance for the references that did not come.
func (s *sifting) tell(own map[string]string) {
	var bad []string
	for id := range s.bad {
		bad = append(bad, s.names[id]...)
	}
	if len(bad) == 0 {
		return
	}
	slices.Sort(bad)
	first := bad[0]
	if branch := "refs/heads/" + s.st.Inside; slices.Contains(bad, branch) {
		first = branch
	}
	more := ""
	if len(bad) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(bad)-1)
	}
	s.hold(fmt.Sprintf("%s%s of %s is not taken over: %v", strings.TrimPrefix(first, "refs/"), more, s.name, s.bad[own[first]]))
}

// hostName is what a reference of the agent's is called on the host.
func (s *syncing) hostName(ref string) string {
	if otherRef(ref) { // it may have the name of one that we file
		return Namespace(s.name) + "other/" + strings.TrimPrefix(ref, "refs/")
	}
	return Namespace(s.name) + strings.TrimPrefix(ref, "refs/")
}

func (s *syncing) report() {
	for _, ref := range slices.Sorted(maps.Keys(s.st.Published)) {
		if ref != "refs/heads/"+s.st.Inside {
			s.st.Report.Refs = append(s.st.Report.Refs, AgentRef{Name: strings.TrimPrefix(ref, "refs/"), Ref: s.hostName(ref), Commit: s.st.Published[ref]})
		}
	}
}
