package images

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"

	"github.com/gilmanlab/hjk-ls/internal/podman"
)

// Held is an image in the engine's store, as a list of images tells it.
type Held struct {
	ID      string    // sha256:…
	Names   []string  // its tags, as the engine shortens them
	Digests []string  // name@sha256:…, of the registries it came from
	Created time.Time // when it was built, wherever that was
	Size    int64     // bytes, with the layers that it shares with others
	Parent  string    // the image that it was made from step by step, by a classic builder; "" of BuildKit's
}

// NamedBy reports whether the image goes by ref, a tag or a digest, however either is written.
func (h Held) NamedBy(ref string) bool {
	want := full(ref)
	is := func(name string) bool { return full(name) == want }
	return slices.ContainsFunc(h.Names, is) || slices.ContainsFunc(h.Digests, is)
}

// full is a reference with its registry and its tag; what is none stays as it is.
func full(ref string) string {
	n, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ref
	}
	return n.String()
}

// Held tells every image in the engine's store.
func (b *Builder) Held(ctx context.Context) ([]Held, error) {
	list, err := b.list(ctx, image.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	all := make([]Held, 0, len(list))
	for _, i := range list {
		all = append(all, Held{
			ID: i.ID, Names: named(i.RepoTags), Digests: named(i.RepoDigests),
			Created: time.Unix(i.Created, 0).UTC(), Size: i.Size, Parent: i.ParentID,
		})
	}
	return all, nil
}

// named leaves out what older engines have for images without a name.
func named(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.Contains(n, "<none>") })
}

// Usage is what an engine's store takes of the disk, in bytes.
type Usage struct {
	Layers     int64 // of all images, shared ones counted once
	BuildCache int64
	Volumes    int64            // those with a label
	Sizes      map[string]int64 // of volumes, by name, as far as the engine tells them
}

// Usage measures the engine's store, and the volumes that have a label, which takes the engine seconds where there is
// much.
func (b *Builder) Usage(ctx context.Context, label string) (Usage, error) {
	du, err := podman.Settle(ctx, func() (types.DiskUsage, error) { return b.api.DiskUsage(ctx, types.DiskUsageOptions{}) })
	if err != nil {
		return Usage{}, fmt.Errorf("measure the engine's disk use: %w", err)
	}
	u := Usage{Layers: du.LayersSize, Sizes: map[string]int64{}}
	for _, c := range du.BuildCache {
		if !c.Shared {
			u.BuildCache += c.Size
		}
	}
	for _, v := range du.Volumes {
		if v.UsageData == nil || v.UsageData.Size < 0 {
			continue
		}
		u.Sizes[v.Name] = v.UsageData.Size
		if _, ok := v.Labels[label]; ok {
			u.Volumes += v.UsageData.Size
		}
	}
	return u, nil
}

// Newest asks the registry which digest a reference has there now. The engine asks, so that its mirrors and the
// registries it may speak to in the clear are the ones it would pull from.
func (b *Builder) Newest(ctx context.Context, ref string) (string, error) {
	auth, noAuth := b.auth(ref)
	res, err := b.api.DistributionInspect(ctx, ref, auth)
	if err != nil {
		return "", explained(pullError(ctx, ref, err), noAuth)
	}
	return res.Descriptor.Digest.String(), nil
}

// Pinned reports whether a reference names one content for good.
func Pinned(ref string) bool {
	n, err := reference.ParseDockerRef(ref)
	if err != nil {
		return false
	}
	_, ok := n.(reference.Digested)
	return ok
}

// Local reports whether an image was never in a registry: its repository has no digest here.
func (h Held) Local(ref string) bool { return h.digestOf(ref) == "" }

// Has reports whether the image is what a registry has for ref under a digest.
func (h Held) Has(ref, digest string) bool {
	n, err := reference.ParseDockerRef(ref)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(h.Digests, func(d string) bool {
		have, err := reference.ParseDockerRef(d)
		return err == nil && have.Name() == n.Name() && strings.HasSuffix(d, "@"+digest)
	})
}

// SameRepository reports whether two references differ in tag and digest alone.
func SameRepository(a, b string) bool {
	x, errX := reference.ParseDockerRef(a)
	y, errY := reference.ParseDockerRef(b)
	return errX == nil && errY == nil && x.Name() == y.Name()
}

// Untagged are the digests of the repositories that have no tag on the image: its names beside its tags. Others go with
// the last tag of their repository.
func (h Held) Untagged() []string {
	return slices.DeleteFunc(slices.Clone(h.Digests), func(d string) bool {
		return slices.ContainsFunc(h.Names, func(n string) bool { return SameRepository(n, d) })
	})
}

func (h Held) digestOf(ref string) string {
	n, err := reference.ParseDockerRef(ref)
	if err != nil {
		return ""
	}
	for _, d := range h.Digests {
		if have, err := reference.ParseDockerRef(d); err == nil && have.Name() == n.Name() {
			return d
		}
	}
	return ""
}

// Delete takes a name away from an image, or deletes one without a name by its id. removed is false when something
// still uses it; what is gone already counts as removed.
func (b *Builder) Delete(ctx context.Context, name string) (removed bool, err error) {
	err = b.remove(ctx, name, image.RemoveOptions{PruneChildren: true})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return true, nil
	case errdefs.IsConflict(err):
		return false, nil
	}
	return false, fmt.Errorf("remove image %s: %w", name, err)
}
