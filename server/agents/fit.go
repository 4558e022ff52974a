package agents

import "github.com/gilmanlab/hjk-ls/internal/plain"

// maxShownRefs bounds the references of an agent that an editor is told of each instance: they come with every change.
const maxShownRefs = 100

// fit is an instance as an editor gets it: with the first of the agent's references, and a message that is fit to be shown.
func (i Instance) fit() Instance {
	if i.Git == nil {
		return i
	}
	g := *i.Git
	g.Message = plain.Notice(g.Message)
	if more := len(g.Refs) - maxShownRefs; more > 0 {
		g.Refs, g.MoreRefs = g.Refs[:maxShownRefs], more
	}
	i.Git = &g
	return i
}

func fitAll(all []Instance) []Instance {
	out := make([]Instance, 0, len(all))
	for _, i := range all {
		out = append(out, i.fit())
	}
	return out
}

// Fit bounds what the agents decide the length of.
func (r ListResult) Fit(int) any {
	r.Instances = fitAll(r.Instances)
	return r
}

// Fit bounds what the agent decides the length of.
func (r RunResult) Fit(int) any {
	r.Instance = r.Instance.fit()
	return r
}

// Fit bounds what the agent decides the length of.
func (r InstanceResult) Fit(int) any {
	r.Instance = r.Instance.fit()
	return r
}

// Fit bounds what the agents decide the length of, and makes the messages fit to be shown.
func (s Snapshot) Fit(int) any {
	s.Instances = fitAll(s.Instances)
	s.Engine.Message = plain.Notice(s.Engine.Message)
	folders := make([]Folder, 0, len(s.Folders))
	for _, f := range s.Folders {
		f.Message = plain.Notice(f.Message)
		folders = append(folders, f)
	}
	s.Folders = folders
	return s
}

// maxMessages bounds the lines of a list for a person.
const maxMessages = 1000

// Fit makes the findings fit to be shown.
func (r DoctorResult) Fit(int) any {
	checks := make([]Check, 0, len(r.Checks))
	for _, c := range r.Checks[:min(len(r.Checks), maxMessages)] {
		c.Detail, c.Fix = plain.Message(c.Detail), plain.Message(c.Fix)
		checks = append(checks, c)
	}
	r.Checks = checks
	return r
}

// Fit bounds what a remote decides the length of.
func (r ChoicesResult) Fit(budget int) any {
	for i, b := range r.Branches {
		if budget -= 2*(len(b.Name)+len(b.Remote)) + 100; budget < 0 {
			r.Branches, r.More = r.Branches[:i], len(r.Branches)-i
			break
		}
	}
	return r
}

// Fit bounds what the agent decides the length of.
func (r RemoveResult) Fit(int) any {
	if more := len(r.Kept) - maxShownRefs; more > 0 {
		r.Kept, r.MoreKept = r.Kept[:maxShownRefs], more
	}
	return r
}
