package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/buildkit/util/suggest"
	"github.com/moby/patternmatcher"

	"github.com/gilmanlab/hjk-ls/images/dockerfile"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// Related is a place that has to do with why a build failed.
type Related struct {
	File      string `json:"file"`
	StartLine int    `json:"startLine"` // from 1; 0 for the file or folder as a whole
	EndLine   int    `json:"endLine"`
	Message   string `json:"message"`
}

var (
	notFound = regexp.MustCompile(`not found|no such file|no source files`) // BuildKit says it in words only
	fromFlag = regexp.MustCompile(`(?:--from=|,from=)([^\s,]+)`)
)

// explain finds the cause of a failure where it lies somewhere else than in the failing instruction.
func (t *tree) explain(ctx context.Context, f dockerfile.File, e *BuildError) []Related {
	src := t.src
	in, ok := f.At(e.StartLine)
	if !ok {
		return nil
	}
	switch from := fromFlag.FindStringSubmatch(in.Text); {
	case in.Keyword == "FROM":
		e.Err = &cleaned{"base image " + f.Stages[in.Stage].Base + ": " + e.Err.Error(), e.Err}
		return []Related{at(src, in, "the base image "+f.Stages[in.Stage].Base+" could not be had; write a name that the engine can pull, or build it first")}
	case from != nil:
		return stages(src, f, in, from[1])
	case in.Keyword == "COPY" || in.Keyword == "ADD" || in.Keyword == "RUN":
		return t.missing(ctx, in, e)
	}
	return nil
}

func at(src Source, in dockerfile.Instruction, message string) Related {
	return Related{File: src.Dockerfile, StartLine: in.StartLine, EndLine: in.EndLine, Message: message}
}

// stages points to the stages that a --from could mean, or to the one that it does mean.
func stages(src Source, f dockerfile.File, in dockerfile.Instruction, from string) []Related {
	if i := f.StageOf(from); i >= 0 && i < in.Stage {
		return []Related{at(src, f.Instructions[f.Stages[i].From], "it is looked for in this stage")}
	}
	var all []Related
	for _, s := range f.Stages[:max(in.Stage, 0)] {
		if s.Name != "" {
			all = append(all, at(src, f.Instructions[s.From], fmt.Sprintf("there is no stage %q, so it counts as an image; did you mean this stage, %q?", from, s.Name)))
		}
	}
	return all
}

// missing points to what keeps a source out of the context, or to the folder it was looked for in. The engine's message
// tells of its own folders only, so the error becomes one that tells of the user's.
func (t *tree) missing(ctx context.Context, in dockerfile.Instruction, e *BuildError) []Related {
	if !notFound.MatchString(e.Err.Error()) {
		return nil
	}
	for _, name := range in.Sources {
		if r, found := t.lacking(ctx, strings.TrimPrefix(filepath.Clean("/"+name), "/")); found {
			e.Err = &cleaned{r.Message, e.Err}
			return []Related{r}
		}
	}
	return nil
}

// lacking tells why a path of the context cannot be had, if it cannot.
func (t *tree) lacking(ctx context.Context, rel string) (Related, bool) {
	switch _, err := t.context.Lstat(filepath.Clean(rel)); {
	case strings.Contains(rel, "$"): // what it stands for is not known here
		return Related{}, false
	case strings.ContainsAny(rel, "*?["):
		return t.unmatched(ctx, rel)
	case err != nil:
		return t.absent(ctx, rel), true
	}
	return t.ignoredBy(rel)
}

// unmatched is about a pattern that no file has.
func (t *tree) unmatched(ctx context.Context, rel string) (Related, bool) {
	found, err := fs.Glob(names{ctx, t.context}, rel)
	if err != nil {
		return Related{}, false
	}
	if len(found) > 0 {
		return t.ignoredBy(found[0])
	}
	dir := filepath.Join(t.src.Context, t.nearest(fixedPart(rel)))
	return Related{File: dir, Message: fmt.Sprintf("nothing in the build context %s matches %s", t.src.Context, rel)}, true
}

// absent is about a path that is not there.
func (t *tree) absent(ctx context.Context, rel string) Related {
	dir, name := ".", strings.Split(rel, "/")[0]
	if d := filepath.Dir(rel); t.isDir(d) {
		dir, name = d, filepath.Base(rel)
	}
	return Related{
		File:    filepath.Join(t.src.Context, dir),
		Message: fmt.Sprintf("%s is not in the build context %s%s", rel, t.src.Context, t.near(ctx, dir, name)),
	}
}

// ignoredBy finds the line that keeps a file out that is there.
func (t *tree) ignoredBy(rel string) (Related, bool) {
	files, err := t.ignores()
	if _, gone := t.context.Lstat(filepath.Clean(rel)); gone != nil || err != nil || len(files) == 0 {
		return Related{}, false
	}
	found := 0
	for i, line := range strings.Split(string(files[0].text), "\n") {
		p := strings.TrimPrefix(strings.TrimSpace(line), "/")
		if p == "" || strings.HasPrefix(p, "#") || strings.HasPrefix(p, "!") {
			continue
		}
		if ok, err := patternmatcher.MatchesOrParentMatches(rel, []string{p}); err == nil && ok {
			found = i + 1
		}
	}
	return Related{
		File: files[0].name, StartLine: found, EndLine: found, Message: rel + " is there, but this keeps it out of the build context",
	}, found > 0
}

// nearby is how many names of a folder are compared.
const nearby = 2000

// near names a file of a folder that is called almost so.
func (t *tree) near(ctx context.Context, dir, name string) string {
	entries, err := distrust.ReadDir(ctx, t.context, dir, nearby)
	if err != nil && !errors.Is(err, distrust.ErrTooMany) {
		return ""
	}
	var names []string
	for _, e := range entries {
		if strings.EqualFold(e.Name(), name) {
			return "; there is " + e.Name()
		}
		names = append(names, e.Name())
	}
	if best, ok := suggest.Search(name, names, false); ok {
		return "; there is " + best
	}
	return ""
}
