package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// ErrMounts means that a container would see, or saw, another part of the host than was meant: what lies in its worktree is an
// agent's to replace, and the engine follows links.
var ErrMounts = errors.New("what the container is to see of the host is not what it should be")

// mountsError is an ErrMounts with what helps.
func mountsError(why error) error {
	return fmt.Errorf("%w: %w; look there, take away what is in the way, and try again", ErrMounts, why)
}

// meant is what a container's bind mounts are on the host now. No link in its worktree leads to one of them: there an agent can
// write. What is missing, the engine tells.
func meant(res container.InspectResponse) (all []shim.Mount, missing bool, err error) {
	worktree := res.Config.Labels[LabelWorktree]
	for _, m := range res.Mounts {
		if m.Type != mount.TypeBind {
			continue
		}
		find := locate
		if ofSettings(res.Config.Labels, m.Destination) {
			find = linklessPlace
		}
		p, err := find(worktree, onHost(m.Source))
		if errors.Is(err, fs.ErrNotExist) {
			missing = true
			continue
		}
		if err != nil {
			return nil, false, mountsError(err)
		}
		dev, ino, ok := system.FileNumbers(p.Info)
		if !ok {
			continue
		}
		all = append(all, shim.Mount{Target: m.Destination, Device: dev, Inode: ino, Below: linkless(worktree, m.Destination)})
	}
	return all, missing, nil
}

// onHost is a path as the host has it: Docker Desktop tells those of its virtual machine.
func onHost(path string) string { return strings.TrimPrefix(path, "/host_mnt") }

// Shields are the mounts in a running container's worktree that must still be there when a session is added: what they were made on
// can have been replaced on the host, which takes them away, or somebody else started the container.
func (e *Engine) Shields(ctx context.Context, id string) ([]shim.Mount, error) {
	res, err := e.inspect(ctx, id)
	if err != nil {
		return nil, err
	}
	all, _, err := meant(res)
	worktree := res.Config.Labels[LabelWorktree]
	return slices.DeleteFunc(all, func(m shim.Mount) bool {
		rel, ok := below(worktree, m.Target)
		if !ok {
			return m.Target != shim.BinDir // which tells whether numbers can be compared
		}
		_, err := distrust.Locate(worktree, rel)
		return errors.Is(err, fs.ErrNotExist)
	}), err
}

// locate finds a mount's source.
func locate(worktree, source string) (distrust.Place, error) {
	if rel, ok := below(worktree, source); ok {
		return distrust.Locate(worktree, rel)
	}
	real, err := filepath.EvalSymlinks(source) // along a path of the user's
	if err != nil {
		return distrust.Place{}, err
	}
	return distrust.Locate(filepath.Dir(real), filepath.Base(real))
}

// linklessPlace finds the source of a mount of the settings: it had no link on its way when the container was made.
func linklessPlace(_, source string) (distrust.Place, error) {
	return distrust.Locate("/", strings.TrimPrefix(source, "/"))
}

// linkless is the folder from which on a target in a container has no link in it. The image may have them in what leads to the
// worktree.
func linkless(worktree, target string) string {
	if _, ok := below(worktree, target); ok {
		return worktree
	}
	if _, ok := below(filepath.Dir(shim.BinDir), target); ok {
		return "/"
	}
	return ""
}

// below is path relative to dir, which it lies in.
func below(dir, path string) (rel string, ok bool) {
	rel, err := filepath.Rel(dir, path)
	return rel, dir != "" && err == nil && rel != "." && filepath.IsLocal(rel)
}

// asAsked compares what the engine says it will mount with what it was told to. The engine may not do more, nor with more rights;
// what an image's allowed flags and its volumes ask for is beside it.
func asAsked(host *container.HostConfig, res container.InspectResponse) error {
	type what struct {
		source string
		rw     bool
	}
	is := map[string]what{}
	for _, m := range res.Mounts {
		if m.Type == mount.TypeBind {
			is[m.Destination] = what{onHost(m.Source), m.RW}
		}
	}
	for _, m := range host.Mounts {
		if m.Type != mount.TypeBind {
			continue
		}
		got, ok := is[m.Target]
		if _, err := os.Lstat(got.source); err != nil { // an engine in a virtual machine has names of its own for the host's files
			got.source = m.Source
		}
		if !ok || got != (what{m.Source, !m.ReadOnly}) {
			return fmt.Errorf("%w: the engine says that %s is %+v, not %s", ErrMounts, m.Target, got, m.Source)
		}
		delete(is, m.Target)
	}
	if len(is) > len(host.Binds) {
		return fmt.Errorf("%w: the engine says that it mounts what nobody asked for: %v", ErrMounts, is)
	}
	return nil
}

// usageCode is what the helper exits with when it does not know a command.
const usageCode = 2

// verify asks the helper in a container that has just been started, and in which nothing else runs, what is mounted there.
func (e *Engine) verify(ctx context.Context, id string, want []shim.Mount) error {
	if len(want) == 0 {
		return nil
	}
	text, err := json.Marshal(want)
	if err != nil {
		return err
	}
	ans, err := e.run(ctx, id, "0:0", append(text, '\n'), shim.Path, "mounts")
	if err != nil {
		return fmt.Errorf("look at the container's mounts: %w", err)
	}
	if ans.code == usageCode { // the helper of a container that an older hjk-ls made
		return nil
	}
	_, err = decodeReply(strings.NewReader(ans.out))
	return err
}

// notMeant ends a container that sees what it should not: what its file system holds is its user's still. Any other error it gives
// back as it is.
func (e *Engine) notMeant(ctx context.Context, id string, err error) error {
	var se *SessionError
	if !errors.As(err, &se) || se.Code != shim.CodeMounts {
		return err
	}
	late, cancel := outlive(ctx, createGrace)
	defer cancel()
	ended := e.end(late, "kill", id, func(ctx context.Context) error { return e.api.ContainerKill(ctx, id, "KILL") })
	if IsNotRunning(ended) {
		ended = nil
	}
	return errors.Join(mountsError(errors.New(se.Message)), ended)
}
