package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// trash is where the host keeps what only git in a removed container knew, in folders that begin with the time of the removal.
const (
	trash      = "refs/headjack/trash/"
	trashTime  = "20060102T150405Z"
	TrashFor   = 30 * 24 * time.Hour
	mostKept   = 5000
	lostFolder = "lost/" // commits that had no name any more, by their own
)

// trashFolder is where one removal keeps.
func trashFolder(now time.Time, instance string) string {
	return trash + now.UTC().Format(trashTime) + "-" + instance + "/"
}

// Kept is what is in the trash of one removal.
type Kept struct {
	Refs   []AgentRef
	Until  time.Time
	Missed string // why there is something that could not be kept; "" when there is not
}

// Keep files everything that git inside knows and no reference of the host reaches in the trash: references, what is staged, and
// commits that only its logs name. What cannot be read is left out.
func (p *Private) Keep(ctx context.Context) (Kept, error) { return p.keepOrTell(ctx, false) }

// WouldKeep tells what Keep would, as far as that is known before it is copied. The references have no names yet.
func (p *Private) WouldKeep(ctx context.Context) (Kept, error) { return p.keepOrTell(ctx, true) }

func (p *Private) keepOrTell(ctx context.Context, tell bool) (Kept, error) {
	unlock, err := lockPrivate(ctx, p.dir, 0)
	if err != nil {
		return Kept{}, err
	}
	defer unlock()
	return p.keepLocked(ctx, tell)
}

func (p *Private) keepLocked(ctx context.Context, tell bool) (Kept, error) {
	st, err := p.load(ctx)
	if err != nil {
		st = syncState{Inside: p.tree.Branch}
	}
	st.Published = map[string]string{} // those go too
	root, err := os.OpenRoot(p.agent())
	if errors.Is(err, os.ErrNotExist) {
		return Kept{}, nil
	}
	if err != nil {
		return Kept{}, err
	}
	defer root.Close()
	now := time.Now().UTC()
	k := keeping{syncing: &syncing{Private: p, root: root, st: &st}, tell: tell, folder: trashFolder(now, p.name)}
	k.kept.Until = now.Add(TrashFor)
	err = k.run(ctx)
	return k.kept, err
}

// keeping is one Keep.
type keeping struct {
	*syncing
	folder string
	tell   bool     // only what would be kept
	not    []string // commits that references of the host are at, sorted
	torn   int      // how often a history could not be read
	kept   Kept
}

func (k *keeping) missed(err error) {
	if err != nil && k.kept.Missed == "" {
		k.kept.Missed = oneLine(err.Error())
	}
}

func (k *keeping) run(ctx context.Context) (err error) {
	if k.host, err = k.repo.snapshot(ctx); err != nil {
		return err
	}
	if k.not, err = k.repo.tips(ctx); err != nil {
		return err
	}
	k.refs, err = agentRefs(ctx, k.root)
	k.missed(err)
	if err := k.quarantine(ctx, k.root); err != nil {
		if isTransient(err) || ctx.Err() != nil {
			return err
		}
		k.missed(err)
	}
	named := maps.Clone(k.refs.ids)
	maps.Copy(named, k.refs.other)
	maps.Copy(named, pending(ctx, k.root, k.refs))
	maps.Copy(named, k.stashes())
	if err := k.staged(ctx, named); err != nil {
		k.missed(err)
	}
	if err := k.drop(ctx, named); err != nil {
		return err
	}
	lost, err := k.lost(ctx, named)
	if err != nil {
		return err
	}
	for _, id := range lost {
		named[lostFolder+id] = id
	}
	if k.tell {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			k.kept.Refs = append(k.kept.Refs, AgentRef{Name: strings.TrimPrefix(name, "refs/"), Commit: named[name]})
		}
		return nil
	}
	return k.file(ctx, named)
}

// tips are the commits that the host's own references are at.
func (r *Repo) tips(ctx context.Context) ([]string, error) {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=%(objectname) %(refname)")
	var ids []string
	for line := range strings.Lines(out) {
		if id, ref, _ := strings.Cut(strings.TrimSpace(line), " "); !strings.HasPrefix(ref, "refs/headjack/") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// drop deletes what a reference of the host reaches, and what is not there at all.
func (k *keeping) drop(ctx context.Context, named map[string]string) error {
	o, err := k.openObjects(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	ids := slices.Compact(slices.Sorted(maps.Values(named)))
	all, err := o.info(ids...)
	if err != nil {
		return err
	}
	kind := map[string]string{}
	var commits []string
	for i, one := range all {
		if kind[ids[i]] = one.kind; one.kind == "commit" {
			commits = append(commits, ids[i])
		}
	}
	apart, err := k.apart(ctx, commits, k.not)
	if err != nil {
		return err
	}
	here, err := k.has(ctx, ids)
	maps.DeleteFunc(named, func(_, id string) bool {
		switch kind[id] {
		case "":
			return true
		case "commit":
			return apart[id] == nil
		}
		_, reached := slices.BinarySearch(k.not, id)
		return here[id] && reached
	})
	return err
}

// has tells which objects the host has.
func (p *Private) has(ctx context.Context, ids []string) (map[string]bool, error) {
	here := map[string]bool{}
	if len(ids) == 0 {
		return here, nil
	}
	c := p.lending()
	c.stdin = strings.Join(ids, "\n") + "\n"
	out, err := gitWith(ctx, c, "cat-file", "--batch-check=%(objectname)")
	for line := range strings.Lines(out) {
		here[strings.TrimSpace(line)] = true
	}
	return here, err
}

// mostApart bounds how many commits are looked at that the host does not reach, and mostTorn how often broken ones are looked for
// among them: an agent can make any number of those.
const (
	mostApart = 500_000
	mostTorn  = 300
)

// apart are the commits that ids reach and not does not, with their parents. Ids whose history is broken have but themselves; from
// where there are too many of these, ids are left out.
func (k *keeping) apart(ctx context.Context, ids, not []string) (map[string][]string, error) {
	found := map[string][]string{}
	if len(ids) == 0 {
		return found, nil
	}
	c := k.foreign()
	c.stdin = strings.Join(ids, "\n") + "\n^" + strings.Join(not, "\n^") + "\n"
	if len(not) == 0 {
		c.stdin = strings.Join(ids, "\n") + "\n"
	}
	err := c.lines(ctx, func(line string) error {
		f := strings.Fields(line)
		found[f[0]] = f[1:]
		if len(found) > mostApart {
			return limitError("git in the container knows more commits than can be looked through")
		}
		return nil
	}, "rev-list", "--stdin", "--ignore-missing", "--parents")
	switch {
	case err == nil:
		return found, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case len(ids) == 1:
		k.missed(fmt.Errorf("the history of %.12s cannot be read: %w", ids[0], err))
		return map[string][]string{ids[0]: nil}, nil
	}
	if k.torn++; k.torn > mostTorn {
		k.missed(fmt.Errorf("%d commits are not looked at, as too many beside them have a history that cannot be read", len(ids)))
		return map[string][]string{}, nil
	}
	half := len(ids) / 2
	found, err = k.apart(ctx, ids[:half], not)
	if err != nil {
		return nil, err
	}
	rest, err := k.apart(ctx, ids[half:], not)
	maps.Copy(found, rest)
	return found, err
}

// file brings everything over.
func (k *keeping) file(ctx context.Context, named map[string]string) error {
	names, used := map[string][]string{}, map[string]bool{}
	var ids []string
	for _, name := range slices.Sorted(maps.Keys(named)) {
		id := named[name]
		if len(used) == mostKept {
			k.missed(fmt.Errorf("only %d of %d references are kept", mostKept, len(named)))
			break
		}
		if names[id] == nil {
			ids = append(ids, id)
		} else if strings.HasPrefix(name, lostFolder) {
			continue
		}
		if beside(used, k.trashName(name)) {
			name = lostFolder + id
		}
		used[k.trashName(name)] = true
		names[id] = append(names[id], name)
	}
	sift := sifting{
		syncing: k.syncing, tries: mostTries, bad: map[string]error{}, names: names, called: k.trashName, linked: true, got: map[string]string{},
	}
	err := sift.all(ctx, ids)
	for _, id := range ids {
		k.missed(sift.bad[id])
	}
	for _, name := range slices.Sorted(maps.Keys(sift.got)) {
		k.kept.Refs = append(k.kept.Refs, AgentRef{Name: strings.TrimPrefix(name, "refs/"), Ref: k.trashName(name), Commit: sift.got[name]})
	}
	return err
}

// beside reports whether a reference cannot be beside those that are used: one's name is another's folder.
func beside(used map[string]bool, name string) bool {
	for i, c := range name {
		if c == '/' && used[name[:i]] {
			return true
		}
	}
	return false
}

func (k *keeping) trashName(name string) string {
	return k.folder + strings.TrimPrefix(k.hostName(name), Namespace(k.name))
}

// EmptyTrash deletes what is in the trash for longer than it is kept.
func (r *Repo) EmptyTrash(ctx context.Context, now time.Time) error {
	out, err := git(ctx, r.CommonDir, "for-each-ref", "--format=%(refname)", trash)
	if err != nil {
		return err
	}
	var old strings.Builder
	for ref := range strings.Lines(out) {
		ref = strings.TrimSpace(ref)
		stamp, _, _ := strings.Cut(strings.TrimPrefix(ref, trash), "-")
		if at, err := time.Parse(trashTime, stamp); err == nil && now.Sub(at) > TrashFor {
			old.WriteString("delete " + ref + "\n")
		}
	}
	if old.Len() == 0 {
		return nil
	}
	_, err = gitPatient(ctx, call{dir: r.CommonDir, stdin: old.String()}, "update-ref", "--stdin")
	return err
}
