package workspace

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// Forlorn tells what an agent has in the container's git directory at dir that its repository, which is gone, did not have when both
// were compared last. checkout is where the agent worked.
func Forlorn(ctx context.Context, dir, checkout string) (u Unsaved, err error) {
	p := &Private{dir: dir, tree: Worktree{Path: checkout}}
	agent, err := openRoot(p.agent())
	if err != nil || agent == nil {
		return u, err
	}
	defer agent.Close()
	refs, err := agentRefs(ctx, agent)
	if err != nil {
		u.Commits = append(u.Commits, fmt.Sprintf("(the agent's references cannot be read: %v)", err))
	}
	known := map[string]bool{}
	if st, err := p.read(); err == nil {
		known[st.Base] = true
	}
	text, _ := os.ReadFile(p.mirroredPath()) // where there is none, all is the agent's
	for _, id := range parseMirrored(string(text)) {
		known[id] = true
	}
	own := maps.Clone(refs.ids)
	maps.Copy(own, refs.other)
	maps.Copy(own, pending(ctx, agent, refs))
	maps.Copy(own, olderStashes(agent, refs))
	maps.DeleteFunc(own, func(_, id string) bool { return known[id] })
	for _, name := range slices.Sorted(maps.Keys(own)) {
		u.Commits = append(u.Commits, fmt.Sprintf("%.7s %s", own[name], strings.TrimPrefix(name, "refs/")))
	}
	for _, o := range p.beyond(agent, gitDirs(ctx, agent)[1:]) {
		u.Untracked = append(u.Untracked, o.Path+" (a worktree in the container, which cannot be compared without its repository)")
	}
	if all, err := names(ctx, agent, "modules", maxTrees); err != nil || len(all) > 0 {
		u.Untracked = append(u.Untracked, path.Join("modules", strings.Join(all, ", "))+" of the container's git directory")
	}
	return u, nil
}
