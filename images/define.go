package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/proto"
)

// definition is what a Dockerfile asks of a build, whatever its layout and its comments.
type definition struct {
	sum   string
	paths []string // of the build context that are read; "." is all of it
	named []string // what COPY, ADD and bind mounts name of it, each as it is written: files, folders and patterns

	copied  []string // of an environment: names that do not count
	missing []string // of one: names of nothing
}

// define asks BuildKit's own frontend what it would build: stages that the target does not reach do not count. A
// Dockerfile that the frontend refuses, or that names another frontend, counts as its text.
func define(ctx context.Context, text []byte, o BuildOptions) definition {
	if syntax, _, _, ok := parser.DetectSyntax(text); ok && !stockFrontend(syntax) {
		return definition{sum: sumOf(text, "", o), paths: []string{"."}}
	}
	d, err := convert(ctx, text, o)
	if err != nil {
		return definition{sum: sumOf(text, err.Error(), o)}
	}
	return d
}

func sumOf(text []byte, extra string, o BuildOptions) string {
	options, _ := json.Marshal([]any{o.Target, o.Args, o.Platform, o.Labels})
	return hash(text, []byte(extra), options)
}

// hash sums parts so that none can pass for two.
func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func convert(ctx context.Context, text []byte, o BuildOptions) (d definition, err error) {
	defer func() {
		if r := recover(); r != nil { // the frontend is made for what an engine lets through
			err = fmt.Errorf("%v", r)
		}
	}()
	platform := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if o.Platform != "" {
		if platform, err = platforms.Parse(o.Platform); err != nil {
			return d, err
		}
	}
	if err := weigh(text, o); err != nil {
		return d, err
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	res, err := dockerfile2llb.Dockerfile2LLB(ctx, text, dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{BuildArgs: o.Args, Labels: o.Labels, Target: o.Target},
		TargetPlatform: &platform, MetaResolver: noRegistry{}, LLBCaps: &caps,
	})
	if err != nil {
		return d, err
	}
	def, err := res.State.Marshal(ctx, llb.WithCaps(caps), llb.Platform(platform))
	if err != nil {
		return d, err
	}
	res.Image.History, res.Image.Created = nil, nil // they repeat the layout of the text
	config, err := json.Marshal(res.Image)
	if err != nil {
		return d, err
	}
	return resolve(def.Def, config)
}

// resolve sums the operations, each by what it does and the sums of its inputs.
func resolve(ops [][]byte, config []byte) (definition, error) {
	var d definition
	sums := map[string]string{} // by the digest the operation has in the definition
	contexts := map[string]bool{}
	last := ""
	for _, raw := range ops {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return d, err
		}
		for _, in := range op.Inputs {
			in.Digest = sums[in.Digest]
		}
		d.noteNamed(&op, contexts)
		fromContext := d.note(&op)
		plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(&op)
		if err != nil {
			return d, err
		}
		last = hash(plain)
		sums["sha256:"+hexSum(raw)] = last
		contexts[last] = contexts[last] || fromContext
	}
	slices.Sort(d.paths)
	d.paths = slices.Compact(d.paths)
	slices.Sort(d.named)
	d.named = slices.Compact(d.named)
	d.sum = hash([]byte(last), config)
	return d, nil
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// note takes the layout out of an operation, and what it reads of the context. It reports whether the operation is the context.
func (d *definition) note(op *pb.Op) bool {
	if e := op.GetExec(); e != nil && e.Meta != nil {
		if a := e.Meta.Args; len(a) == 3 && a[1] == "-c" {
			a[2] = plainCommand(a[2])
		}
	}
	src := op.GetSource()
	if src == nil || src.Identifier != "local://"+dockerui.DefaultLocalNameContext {
		return false
	}
	var paths []string
	if json.Unmarshal([]byte(src.Attrs[pb.AttrFollowPaths]), &paths) != nil || len(paths) == 0 {
		paths = []string{"."}
	}
	d.paths = append(d.paths, paths...)
	delete(src.Attrs, pb.AttrLocalUniqueID) // chosen anew each time
	return true
}

// noteNamed notes what an operation takes from the context, where contexts are its sums. The context's own paths do not tell: where
// one of them is all of it, the others are left out.
func (d *definition) noteNamed(op *pb.Op, contexts map[string]bool) {
	fromContext := func(input int64) bool {
		return input >= 0 && input < int64(len(op.Inputs)) && contexts[op.Inputs[input].Digest]
	}
	if f := op.GetFile(); f != nil {
		for _, a := range f.Actions {
			if c := a.GetCopy(); c != nil && fromContext(a.SecondaryInput) {
				d.name(c.Src, c.IncludePatterns)
			}
		}
	}
	if e := op.GetExec(); e != nil {
		for _, m := range e.Mounts {
			if fromContext(m.Input) {
				d.name(m.Selector, nil)
			}
		}
	}
}

// name notes a source of the context, or the patterns below it that COPY --parents takes.
func (d *definition) name(src string, below []string) {
	if len(below) == 0 {
		below = []string{""}
	}
	for _, b := range below {
		d.named = append(d.named, path.Join(".", path.Clean("/"+src), b))
	}
}

// plainCommand makes runs of blanks in a shell's command line one, unless a quote, a backslash, a comment or a line of
// its own could give them a meaning.
func plainCommand(s string) string {
	if strings.ContainsAny(s, "'\"\\`#\n<") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// unknownImage has a layer: an image without one would count as scratch.
const unknownImage = `{"rootfs":{"type":"layers","diff_ids":["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}}`

// noRegistry knows no image's configuration: what a Dockerfile says is to be known without a network.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(unknownImage), nil
}
