package agents

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// Images tells the images that instances use, of every repository, and those that hjk-ls brought into the engine and
// nothing uses any more.
func (m *Manager) Images(ctx context.Context, a ImagesArgs) (ImagesResult, error) {
	eng, err := m.engines.get(ctx)
	if err != nil {
		return ImagesResult{}, err
	}
	s, err := m.stock(ctx, eng)
	if err != nil {
		return ImagesResult{}, m.failed(eng, err)
	}
	res := ImagesResult{Images: []StockedImage{}}
	if res.Caches, err = m.caches(ctx, eng); err != nil {
		return ImagesResult{}, m.failed(eng, err)
	}
	for _, i := range s.images {
		if len(i.Instances) > 0 || i.Unused {
			res.Images = append(res.Images, i.StockedImage)
		}
	}
	if !a.Offline {
		s.askRegistries(ctx, eng)
		for n := range res.Images {
			s.judge(&res.Images[n])
		}
	}
	return res, nil
}

// stock is what the engine holds, joined with who uses it.
type stock struct {
	images []stocked // newest first
	newest map[string]registryAnswer
}

type stocked struct {
	StockedImage
	held images.Held
	drop []string // the names to take away, or the id, when it is Unused
}

func (m *Manager) stock(ctx context.Context, eng *engine) (*stock, error) {
	var held []images.Held
	var used map[string]bool
	var listed ListResult
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { held, err = eng.images.Held(gctx); return err })
	g.Go(func() (err error) { used, err = eng.ImagesInUse(gctx); return err })
	g.Go(func() (err error) {
		listed, err = m.list(gctx, ListArgs{All: true}, func(context.Context) (*engine, error) { return eng, nil })
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	users := map[string][]Instance{}
	for _, i := range listed.Instances {
		users[i.Image.ID] = append(users[i.Image.ID], i)
	}
	ours, err := m.ours(eng)
	if err != nil {
		return nil, err
	}
	s := &stock{}
	for _, h := range held {
		one := stocked{held: h, StockedImage: StockedImage{
			ID: h.ID, Names: append(append([]string{}, h.Names...), h.Untagged()...), SizeBytes: h.Size, CreatedAt: h.Created, Instances: []ImageUser{},
		}}
		for _, i := range users[h.ID] {
			one.Instances = append(one.Instances, ImageUser{Repo: i.Repo, Branch: i.Branch, Stale: i.Image.Stale})
			one.Source, one.Ref, one.Dockerfile = i.Image.Source, i.Image.Ref, i.Image.Dockerfile
		}
		if !used[h.ID] {
			one.drop = ours.names(h)
			one.Unused = len(one.drop) > 0
			one.Source = cmp.Or(one.Source, ours.kind(h))
		}
		s.images = append(s.images, one)
	}
	slices.SortFunc(s.images, func(a, b stocked) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return s, nil
}

// registryTimeout bounds how long a registry may take to say what it has.
const registryTimeout = 5 * time.Second

type registryAnswer struct {
	digest string
	err    error
}

// askRegistries asks once a reference, side by side.
func (s *stock) askRegistries(ctx context.Context, eng *engine) {
	answers := map[string]*registryAnswer{}
	var g errgroup.Group
	g.SetLimit(8)
	for _, i := range s.images {
		if i.Ref == "" || i.Source == string(images.KindDockerfile) || answers[i.Ref] != nil || images.Pinned(i.Ref) || i.held.Local(i.Ref) {
			continue
		}
		ref, a := i.Ref, &registryAnswer{}
		answers[ref] = a
		g.Go(func() error {
			ctx, cancel := context.WithTimeoutCause(ctx, registryTimeout, fmt.Errorf("the registry did not answer in %s", registryTimeout))
			defer cancel()
			a.digest, a.err = eng.images.Newest(ctx, ref)
			return nil
		})
	}
	_ = g.Wait()
	s.newest = map[string]registryAnswer{}
	for ref, a := range answers {
		s.newest[ref] = *a
	}
}

// judge says whether there is a newer image than the one in use, and where.
func (s *stock) judge(i *StockedImage) {
	yes, no := true, false
	if len(i.Instances) == 0 {
		return
	}
	if i.Source == string(images.KindDockerfile) {
		i.Newer = &no
		if slices.ContainsFunc(i.Instances, func(u ImageUser) bool { return u.Stale }) {
			i.Newer, i.NewerDetail = &yes, "built; recreate takes it"
		}
		return
	}
	mine := s.byID(i.ID)
	if images.Pinned(i.Ref) {
		i.Newer, i.NewerDetail = &no, "pinned to its digest"
		return
	}
	if !mine.NamedBy(i.Ref) && s.anyNamed(i.Ref) {
		i.Newer, i.NewerDetail = &yes, "in the engine; recreate takes it"
		return
	}
	a, asked := s.newest[i.Ref]
	switch {
	case !asked:
		i.NewerDetail = "made here, in no registry"
	case a.err != nil:
		i.NewerDetail = a.err.Error()
	case mine.Has(i.Ref, a.digest):
		i.Newer = &no
	default:
		i.Newer, i.NewerDetail = &yes, "in the registry, "+a.digest+"; "+plain.Shell("docker", "pull", i.Ref)+", then recreate"
	}
}

func (s *stock) byID(id string) images.Held {
	for _, i := range s.images {
		if i.ID == id {
			return i.held
		}
	}
	return images.Held{}
}

func (s *stock) anyNamed(ref string) bool {
	return slices.ContainsFunc(s.images, func(i stocked) bool { return i.held.NamedBy(ref) })
}
