package workspace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Which files are ignored is asked of the rules that the host's branches had before the agent, not of those in the worktree: who
// writes * to .gitignore would have all its work pass for what can be made again.

// ignoreFile is where a folder of a worktree has its rules.
const ignoreFile = ".gitignore"

// checkout is a checkout that git is asked about.
type checkout struct {
	dir   string
	flags []string // that lead git to it
	rules string   // the commit whose rules count; "" for none
	env   []string // for git there
	home  string   // the checkout whose configuration says where the user's ignore rules are; "" for dir itself
	inner bool     // the rules that lie in it count
}

// rulesOf is the newest commit of a worktree's branch that something else on the host has too, or that it began with: the agent
// may have made what came after it.
func (r *Repo) rulesOf(ctx context.Context, wt Worktree) (string, error) {
	if wt.Branch == "" {
		return "HEAD", nil
	}
	tip := "refs/heads/" + wt.Branch
	not := []string{"--not"}
	if wt.Base != "" {
		not = append(not, wt.Base)
	}
	not = append(not, "--exclude="+wt.Branch, "--branches", "--remotes", "--tags")
	own, from := false, ""
	err := call{dir: r.CommonDir}.lines(ctx, func(line string) error {
		id, boundary := strings.CutPrefix(line, "-")
		if own = true; boundary && from == "" {
			from = id
		}
		return nil
	}, append([]string{"rev-list", "--ignore-missing", "--first-parent", "--boundary", tip}, not...)...)
	if !own && err == nil {
		return tip, nil
	}
	return from, err
}

// excludeFiles are the user's and the repository's own ignore rules, which lie outside the worktree, the weakest first.
func (r *Repo) excludeFiles(ctx context.Context, dir string) (files []string) {
	if out, err := git(ctx, dir, "config", "--type=path", "--get", "core.excludesFile"); err == nil {
		files = append(files, strings.TrimSuffix(out, "\n"))
	} else if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		files = append(files, filepath.Join(config, "git", "ignore"))
	} else if home, err := os.UserHomeDir(); err == nil { // on every system: os.UserConfigDir is another folder on macOS
		files = append(files, filepath.Join(home, ".config", "git", "ignore"))
	}
	files = append(files, filepath.Join(r.CommonDir, "info", "exclude"))
	return slices.DeleteFunc(files, func(f string) bool {
		fi, err := os.Stat(f)
		return err != nil || !fi.Mode().IsRegular()
	})
}

// files adds what is not committed in a checkout. An agent can make any number of files. Of a list that is too long the beginning is
// taken: what is left out never makes work pass for none, as git tells of what is ignored last.
func (u *Unsaved) files(ctx context.Context, r *Repo, prefix string, c checkout) error {
	var told string
	in := call{dir: c.dir, told: &told, tree: true, env: c.env}
	items, more, err := gitList(ctx, in, append(slices.Clone(c.flags), statusArgs...)...)
	if err != nil {
		return err
	}
	ignored := len(u.Ignored)
	u.parseStatus(prefix, items)
	u.unread(prefix, told)
	if len(u.Ignored) == ignored || c.inner {
		u.cut(prefix, more)
		return nil
	}
	args := append(slices.Clone(c.flags), "ls-files", "--others", "-z")
	for _, f := range r.excludeFiles(ctx, cmp.Or(c.home, c.dir)) {
		args = append(args, "--exclude-from="+f)
	}
	if c.rules != "" {
		file, err := c.ruleFile(ctx)
		if err != nil {
			return err
		}
		defer os.Remove(file)
		args = append(args, "--exclude-from="+file)
	}
	if items, more, err = gitList(ctx, in, args...); err != nil {
		return err
	}
	u.unread(prefix, told)
	u.notIgnored(prefix, items)
	u.cut(prefix, more)
	return nil
}

// cut says that there is more than the list has.
func (u *Unsaved) cut(prefix string, more bool) {
	if more {
		u.Untracked = append(u.Untracked, prefix+" (and more than can be listed)")
	}
}

// notIgnored moves what the host's rules do not ignore to the untracked.
func (u *Unsaved) notIgnored(prefix string, names []string) {
	known := map[string]bool{}
	for _, name := range u.Untracked {
		known[name] = true
	}
	work := map[string]bool{} // with the folders they are in
	for _, name := range names {
		name = prefix + name
		if !known[name] {
			u.Untracked = append(u.Untracked, name)
		}
		for work[name] = true; strings.Contains(strings.TrimSuffix(name, "/"), "/"); work[name] = true {
			name = path.Dir(strings.TrimSuffix(name, "/")) + "/"
		}
	}
	u.Ignored = slices.DeleteFunc(u.Ignored, func(name string) bool { return work[name] })
}

// leftOut is how git says that it has left a folder out. It cuts a long message.
var leftOut = regexp.MustCompile(`(?m)^warning: could not open directory '(.*)$`)

// unread adds the folders that git could not look into, such as one whose path is too long: what is there is not nothing.
func (u *Unsaved) unread(prefix, told string) {
	if len(told) >= maxComplaint {
		u.Untracked = append(u.Untracked, prefix+" (git could not look into all of it)")
	}
	for _, m := range leftOut.FindAllStringSubmatch(told, -1) {
		name, why := m[1], "the path is too long"
		if i := strings.LastIndex(name, "': "); i >= 0 {
			name, why = name[:i], name[i+3:]
		}
		if len(name) > longPath {
			name = name[:longPath] + "…"
		}
		if name = fmt.Sprintf("%s%s (cannot be looked into: %s)", prefix, name, why); !slices.Contains(u.Untracked, name) {
			u.Untracked = append(u.Untracked, name)
		}
	}
}

// longPath is how much of a path is shown that may be very long.
const longPath = 200

// ruleFile writes the rules of a commit into one file.
func (c checkout) ruleFile(ctx context.Context) (string, error) {
	rules, err := c.ruleText(ctx)
	if err != nil {
		return "", err
	}
	return patternFile([]byte(rules))
}

// patternFile is a file of ours with patterns for git. The caller deletes it.
func patternFile(patterns []byte) (string, error) {
	f, err := os.CreateTemp("", "hjk-ls-patterns-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(patterns)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
}

// ruleText are all rules of a commit as they would stand in the uppermost file, those of deeper folders last.
func (c checkout) ruleText(ctx context.Context) (string, error) {
	out, err := git(ctx, c.dir, append(slices.Clone(c.flags), "ls-tree", "-r", "-z", "--full-tree", c.rules)...)
	if err != nil {
		return "", err
	}
	type ruled struct{ name, id string }
	var files []ruled
	for _, line := range nul(out) {
		meta, name, _ := strings.Cut(line, "\t")
		if f := strings.Fields(meta); path.Base(name) == ignoreFile && len(f) == 3 && strings.HasPrefix(f[0], "100") {
			files = append(files, ruled{name, f[2]})
		}
	}
	slices.SortStableFunc(files, func(a, b ruled) int { return strings.Count(a.name, "/") - strings.Count(b.name, "/") })
	var ids []string
	for _, f := range files {
		ids = append(ids, f.id)
	}
	texts, err := c.blobs(ctx, ids)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, f := range files {
		b.WriteString(lifted(strings.TrimSuffix(strings.TrimSuffix(f.name, ignoreFile), "/"), texts[i]))
	}
	return b.String(), nil
}

// blobs reads many blobs.
func (c checkout) blobs(ctx context.Context, ids []string) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in := call{dir: c.dir, stdin: strings.Join(ids, "\n") + "\n"}
	out, err := gitWith(ctx, in, append(slices.Clone(c.flags), "cat-file", "--batch=%(objectsize)")...)
	if err != nil {
		return nil, err
	}
	var texts []string
	for range ids {
		size, rest, _ := strings.Cut(out, "\n")
		n, err := strconv.Atoi(size)
		if err != nil || n >= len(rest) {
			return nil, errors.New("git cat-file: the rules that say what is ignored cannot be read")
		}
		texts, out = append(texts, rest[:n]), rest[n+1:]
	}
	return texts, nil
}

var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// lifted are the rules of a folder as they would stand in the uppermost one (gitignore(5)): a slash within ties a rule to the
// folder, any other holds in every folder below.
func lifted(dir, text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		if dir != "" {
			rule, not := strings.CutPrefix(line, "!")
			if strings.Contains(strings.TrimSuffix(rule, "/"), "/") {
				rule = strings.TrimPrefix(rule, "/")
			} else {
				rule = "**/" + rule
			}
			line = "/" + globs.Replace(dir) + "/" + rule
			if not {
				line = "!" + line
			}
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
