package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Inputs is all that a build reads: the Dockerfile, its .dockerignore, and the files of the context that COPY, ADD and
// RUN --mount=type=bind name. It remembers what it saw, so that a look at what changed costs little. It is not safe for
// concurrent use.
type Inputs struct {
	src  Source // without links, as changes are told of
	open Source // as it was named
	opts BuildOptions

	environment bool // only files that are named one by one count, of all that is copied

	def     definition
	ignore  []string
	files   map[string]input // by path in the context
	folders map[string]bool  // absolute; where files came from, or would come from
	roots   []string         // what is read, with the targets of symbolic links
	matcher *patternmatcher.PatternMatcher
	links   []string // absolute; the hops from the Dockerfile's name to the file
}

// input is one file, folder or link of the context.
type input struct {
	mode    uint32
	size    int64
	modTime int64
	link    string
	sum     string // of the content; "" for a large file, for which size and time stand
	settled bool   // every change after it was read changes modTime
}

// largeFile is the size from which a file's content is not read: its size and its time tell whether it changed.
const largeFile = 32 << 20

// maxHops bounds the symbolic links from a Dockerfile's name to the file.
const maxHops = 40

// NewInputs is the inputs of one build. Nothing is read before the first Sum.
func NewInputs(src Source, o BuildOptions) *Inputs {
	named := src
	src.Context = resolved(src.Context)
	return &Inputs{src: src, open: named, opts: o}
}

// NewEnvironment is of the inputs of one build those that its environment is made from: the Dockerfile, and the files that COPY, ADD
// or a bind mount name one by one, such as a list of dependencies. Folders and patterns that are copied do not count, but the
// ignore file does that says what of them is.
func NewEnvironment(src Source, o BuildOptions) *Inputs {
	in := NewInputs(src, o)
	in.environment = true
	return in
}

// resolved is a path without symbolic links, as far as it is there.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// Sum looks at the inputs and sums what matters of them: builds of the same sum give the same image, as far as it is
// theirs to say. changed are the absolute paths that may have changed since the last call; nil is that anything may have.
// A Dockerfile that is not there is ErrDockerfileNotFound.
func (in *Inputs) Sum(ctx context.Context, changed []string) (string, error) {
	in.noteLinks()
	t, err := openTree(in.open)
	if err != nil {
		return "", err
	}
	defer t.close()
	text, err := t.dockerfile()
	if err != nil {
		return "", err
	}
	def := define(ctx, text, in.opts)
	ignore, err := t.ignored()
	if err != nil {
		return "", err
	}
	if in.environment {
		def = def.ofEnvironment(t, ignore)
	}
	same := in.files != nil && slices.Equal(def.paths, in.def.paths) && slices.Equal(ignore, in.ignore)
	in.def, in.ignore = def, ignore
	if !same || changed == nil || !in.update(t, changed) {
		if err := in.scan(ctx, t); err != nil {
			in.files = nil
			return "", err
		}
	}
	return in.sum(), nil
}

// Came reports whether a name of the environment that was of nothing when one that knew of missing looked is of something now, and
// gives what is missing now. A folder that comes is no change, but what failed for want of it would not any more.
func (in *Inputs) Came(missing []string) (came bool, now []string) {
	for _, name := range missing {
		came = came || slices.Contains(in.def.copied, name)
	}
	return came, in.def.missing
}

// Folders are the absolute paths of the folders in which a change may be one of an input.
func (in *Inputs) Folders() []string {
	all := map[string]bool{in.src.Context: true, resolved(filepath.Dir(in.src.Dockerfile)): true}
	for _, l := range in.links {
		all[resolved(filepath.Dir(l))] = true
	}
	for f := range in.folders {
		all[f] = true
	}
	out := make([]string, 0, len(all))
	for f := range all {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}

// noteLinks follows the symbolic links one by one: each hop may be what changes.
func (in *Inputs) noteLinks() {
	in.links = []string{in.src.Dockerfile}
	at := in.src.Dockerfile
	for range maxHops {
		to, err := os.Readlink(at)
		if err != nil {
			return
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = to
		in.links = append(in.links, at)
	}
}

// ignored is what is kept out of the context, by the first file that says something.
func (t *tree) ignored() ([]string, error) {
	files, err := t.ignores()
	for _, f := range files {
		if len(f.text) > 0 {
			return ignorefile.ReadAll(bytes.NewReader(f.text))
		}
	}
	return nil, err
}

// update looks at single files. false is that only a scan can tell: something came or went.
func (in *Inputs) update(t *tree, changed []string) bool {
	for _, path := range changed {
		rel, err := filepath.Rel(in.src.Context, path)
		if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") || inGit(rel) {
			continue
		}
		old, known := in.files[rel]
		fi, err := t.context.Lstat(rel)
		switch {
		case !known && !in.folders[path] && (err != nil || !in.relevant(rel)):
			continue // a temporary file that is gone again, or one that nothing reads
		case err != nil || !known || !fi.Mode().IsRegular() || old.link != "" || fs.FileMode(old.mode).Type() != 0:
			return false
		}
		now, err := in.read(t, rel, input{mode: uint32(fi.Mode()), size: fi.Size(), modTime: fi.ModTime().UnixNano()})
		if err != nil {
			return false
		}
		in.files[rel] = now
	}
	return true
}

// relevant reports whether a new file could be one that is read.
func (in *Inputs) relevant(rel string) bool {
	if in.matcher != nil {
		if ignored, err := in.matcher.MatchesOrParentMatches(rel); err == nil && ignored {
			return false
		}
	}
	for _, r := range in.roots {
		fixed := fixedPart(r)
		if fixed == "" || fixed == "." || rel == fixed || strings.HasPrefix(rel, fixed+"/") || strings.HasPrefix(fixed, rel+"/") {
			return true
		}
	}
	return false
}

func (in *Inputs) sum() string {
	paths := make([]string, 0, len(in.files))
	for p := range in.files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", in.def.sum)
	for _, p := range paths {
		f := in.files[p]
		time := f.modTime
		if f.sum != "" {
			time = 0
		}
		fmt.Fprintf(h, "%q %o %d %d %q %x\n", p, f.mode, f.size, time, f.link, f.sum)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
