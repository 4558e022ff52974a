package images

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// A Dockerfile is read by BuildKit's frontend, which runs in this process and puts values in the place of variables, those in the
// place of others, and so on: ten lines that each name the one before ten times are ten billion bytes. So a text is weighed first.
const (
	maxWeight       = 32 << 20 // bytes of all instructions with their variables and what each carries along
	maxInstructions = 5000
	maxVariable     = 256 // bytes of a variable's name
	maxFrom         = 2048
	maxLikeness     = 1 << 32 // steps to find which names look like those that are not known
)

// errHeavy is a Dockerfile that would become very large.
var errHeavy = errors.New("the Dockerfile is too large with its variables replaced")

// lighten is what to do about it.
const lighten = "; write fewer or shorter variables and instructions"

var (
	variable = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
	replaced = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*/`)
)

// scale weighs a Dockerfile. All it says is an upper bound.
type scale struct {
	sizes   map[string]int // of the values of variables, each the largest that it can have
	carried int            // by each instruction: the environment, the folder, the shell, the user
	total   int
	uses    int // of variables
	longest int // name
}

// weigh refuses a text that the frontend would make much larger. env is what the images that it begins with set.
func weigh(text []byte, o BuildOptions, env ...string) error {
	res, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil //nolint:nilerr // the frontend says so
	}
	if n := len(res.AST.Children); n > maxInstructions {
		return fmt.Errorf("%w: %d instructions of at most %d%s", errHeavy, n, maxInstructions, lighten)
	}
	s := &scale{sizes: map[string]int{}}
	for k, v := range o.Args {
		s.set(k, len(v))
	}
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		s.set(k, len(v))
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, n := range res.AST.Children {
		raw := string(bytes.Join(lines[max(n.StartLine-1, 0):min(n.EndLine, len(lines))], nil))
		if err := s.add(n, raw); err != nil {
			return parser.WithLocation(err, []parser.Range{{Start: parser.Position{Line: n.StartLine}, End: parser.Position{Line: n.EndLine}}})
		}
	}
	return nil
}

func (s *scale) set(name string, size int) {
	size = max(size, s.sizes[name])
	s.carried += len(name) + size - s.sizes[name]
	s.sizes[name] = size
	s.longest = max(s.longest, len(name))
}

// size is that of a text with its variables replaced.
func (s *scale) size(text string) int {
	n := len(text)
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		s.uses++
		s.longest = max(s.longest, len(m[1]))
		if n += s.sizes[m[1]]; n > maxWeight {
			return n
		}
	}
	if replaced.MatchString(text) { // each byte may become a text of its own
		n *= n
	}
	return n
}

// add puts an instruction on the scale.
func (s *scale) add(n *parser.Node, raw string) error {
	size := s.size(raw)
	keyword := strings.ToUpper(n.Value)
	switch keyword {
	case "ARG", "ENV":
		s.define(keyword, n)
	case "WORKDIR", "SHELL", "USER":
		s.carried += size
	case "EXPOSE":
		size += strings.Count(raw, "-") * maxWeight / 16 // a range is as many ports
	case "FROM":
		if size > maxFrom {
			return fmt.Errorf("%w: FROM has %d bytes%s", errHeavy, size, lighten)
		}
	}
	s.total += size + s.carried
	switch names := len(s.sizes); {
	case s.longest > maxVariable:
		return fmt.Errorf("%w: a variable's name of %d bytes%s", errHeavy, s.longest, lighten)
	case s.total > maxWeight || size > maxWeight:
		return fmt.Errorf("%w: more than %d MB%s", errHeavy, maxWeight>>20, lighten)
	case s.uses*names*s.longest*s.longest > maxLikeness:
		return fmt.Errorf("%w: %d uses of %d variables%s", errHeavy, s.uses, names, lighten)
	}
	return nil
}

// define notes the variables that an instruction sets, one after the other: in ARG the next may use the one before.
func (s *scale) define(keyword string, n *parser.Node) {
	for v := n.Next; v != nil; v = v.Next {
		name, value, _ := strings.Cut(v.Value, "=")
		if keyword == "ENV" { // name, value, and what is between them
			if v.Next == nil || v.Next.Next == nil {
				return
			}
			name, value = v.Value, v.Next.Value
			v = v.Next.Next
		}
		s.set(name, s.size(value))
	}
}

// weighImage is weigh once more, for an image that the text begins with: it brings variables, and instructions of its own.
func (t *tracker) weighImage(config []byte) error {
	var img struct {
		Config struct{ Env, OnBuild []string }
	}
	if json.Unmarshal(config, &img) != nil {
		return nil // the frontend says so
	}
	t.mu.Lock()
	t.env = append(t.env, img.Config.Env...)
	t.onBuild = append(t.onBuild, img.Config.OnBuild...)
	env, first := slices.Clone(t.env), strings.Join(t.onBuild, "\n")
	t.mu.Unlock()
	if len(first) > 0 {
		if err := weigh([]byte(first), t.fence.opts, env...); err != nil {
			return fmt.Errorf("ONBUILD of its base: %w", err)
		}
		// What the text does with a variable of them comes after.
		return weigh(append([]byte(first+"\n"), t.rec.raw...), t.fence.opts, env...)
	}
	return weigh(t.rec.raw, t.fence.opts, env...)
}
