package workspace

import (
	"context"
	"net/url"
	"strings"
)

// copied are the settings of the host that git inside should have too; a key that ends with a dot stands for all below it.
var copied = []string{
	"core.autocrlf", "core.eol", "core.safecrlf", "core.ignorecase", "core.filemode", "core.symlinks", "core.precomposeunicode",
	"core.sparsecheckout", "core.sparsecheckoutcone", "core.quotepath", "core.commentchar", "index.sparse", "user.name", "user.email",
	"author.", "committer.", "i18n.commitencoding", "apply.whitespace", "core.checkroundtripencoding", "core.trustctime", "core.checkstat", "core.whitespace", "commit.cleanup",
	"pull.", "push.default", "push.autosetupremote", "rebase.autosquash", "rebase.autostash", "rebase.updaterefs",
	"merge.conflictstyle", "diff.algorithm", "init.defaultbranch", "branch.",
}

// config is the agent's configuration to begin with.
func (p *Private) config(ctx context.Context) (string, error) {
	out, err := git(ctx, p.tree.Path, "config", "--list", "-z", "--includes")
	if err != nil {
		return "", err
	}
	head, err := p.repo.format(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(head + configLine("core.bare", "false") + configLine("core.logallrefupdates", "true"))
	lfs := false
	rewritten := strings.Contains(strings.ToLower(out), ".insteadof\n")
	for _, kv := range nul(out) {
		key, value, _ := strings.Cut(kv, "\n")
		switch {
		case key == "filter.lfs.clean" && !lfs: // the helper does it: an image may have no git-lfs
			lfs = true
			b.WriteString(configLine(key, helper+" lfs clean %f") + configLine("filter.lfs.smudge", helper+" lfs smudge %f"))
		case wanted(key):
			b.WriteString(configLine(key, value))
		case strings.HasPrefix(key, "remote.") && strings.HasSuffix(key, ".url"):
			name := strings.TrimSuffix(strings.TrimPrefix(key, "remote."), ".url")
			if rewritten {
				if got, err := git(ctx, p.tree.Path, "remote", "get-url", name); err == nil {
					value = strings.TrimSuffix(got, "\n")
				}
			}
			b.WriteString(configLine(key, withoutCredentials(value)) + configLine("remote."+name+".fetch", "+refs/heads/*:refs/remotes/"+name+"/*"))
		}
	}
	return b.String(), nil
}

// format is the beginning of a configuration that says how objects are named.
func (r *Repo) format(ctx context.Context) (string, error) {
	out, err := git(ctx, r.CommonDir, "rev-parse", "--show-object-format")
	if f := strings.TrimSpace(out); f != "sha1" {
		return configLine("core.repositoryformatversion", "1") + configLine("extensions.objectformat", f), err
	}
	return configLine("core.repositoryformatversion", "0"), err
}

func wanted(key string) bool {
	for _, k := range copied {
		if key == k || strings.HasSuffix(k, ".") && strings.HasPrefix(key, k) {
			return true
		}
	}
	return false
}

var configEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\b", `\b`)

// configLine is one setting as git-config(1) writes it, in a section of its own.
func configLine(key, value string) string {
	first, last := strings.IndexByte(key, '.'), strings.LastIndexByte(key, '.')
	section := key[:first]
	if first != last {
		sub := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key[first+1 : last])
		section += ` "` + sub + `"`
	}
	return "[" + section + "]\n\t" + key[last+1:] + ` = "` + configEscapes.Replace(value) + "\"\n"
}

// Remotes are the addresses of the repository's remotes.
func (r *Repo) Remotes(ctx context.Context) ([]string, error) {
	out, err := git(ctx, r.CommonDir, "config", "-z", "--get-regexp", `^remote\..*\.url$`)
	if exitCode(err) == 1 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []string
	for _, kv := range nul(out) {
		_, value, _ := strings.Cut(kv, "\n")
		all = append(all, value)
	}
	return all, nil
}

func withoutCredentials(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		u.User = nil
	} else {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}
