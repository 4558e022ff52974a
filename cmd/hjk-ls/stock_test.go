package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// stock is what `hjk-ls images` tells of the rig's own instances and images: other tests use the same engine.
func (r rig) stock(args ...string) map[string]agents.StockedImage {
	r.Helper()
	var res agents.ImagesResult
	if err := json.Unmarshal([]byte(r.hjk(append([]string{"images", "--json"}, args...)...)), &res); err != nil {
		r.Fatal(err)
	}
	all := map[string]agents.StockedImage{}
	for _, i := range res.Images {
		for _, u := range i.Instances {
			if u.Repo == r.repo {
				all[u.Branch] = i
			}
		}
		if i.Unused {
			all[i.ID] = i
		}
	}
	return all
}

// push gives the registry a new image under a name, and leaves nothing of it in the engine.
func (r rig) push(ref, text string) {
	r.Helper()
	r.sh(fmt.Sprintf(`mkdir -p push && printf 'FROM hjk-test/busybox:1\nRUN echo %s >/version\n' >push/Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t %s push >/dev/null && docker push -q %s >/dev/null && docker image rm %s >/dev/null`, text, ref, ref, ref))
}

func newerIs(t *testing.T, i agents.StockedImage, want bool, detail string) {
	t.Helper()
	if i.Newer == nil || *i.Newer != want || !strings.Contains(i.NewerDetail, detail) {
		b, _ := json.Marshal(i)
		t.Fatalf("newer is not %v %q: %s", want, detail, b)
	}
}

// Images in use are listed with who uses them and whether there is a newer one, by asking the registry they came from.
func TestImagesInUse(t *testing.T) {
	r := newRig(t)
	reg, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	ref := reg.Host + "/team/tool:1"
	r.push(ref, "one")
	r.hjk("run", "x", "--detach")
	r.hjk("run", "y", "--image", ref, "--detach")
	all := r.stock()
	if i := all["x"]; i.Source != "dockerfile" || i.Dockerfile != r.x().Image.Dockerfile || i.SizeBytes < 1<<20 || i.CreatedAt.IsZero() {
		t.Fatalf("x: %+v", i)
	}
	newerIs(t, all["x"], false, "")
	newerIs(t, all["y"], false, "")
	if i := all["y"]; i.Source != "reference" || i.Ref != ref || i.Unused {
		t.Fatalf("y: %+v", i)
	}
	if out := r.hjk("images"); !strings.Contains(out, "USED BY") || !strings.Contains(out, "repo y") {
		t.Fatal(out)
	}

	r.push(ref, "two")
	newerIs(t, r.stock()["y"], true, "in the registry")
	if i := r.stock("--offline")["y"]; i.Newer != nil {
		t.Fatalf("offline it knows what the registry has: %+v", i)
	}
	r.sh("docker pull -q " + ref)
	newerIs(t, r.stock()["y"], true, "recreate takes it")
	r.hjk("recreate", "y")
	newerIs(t, r.stock()["y"], false, "")

	pinned := r.sh("docker image inspect -f '{{index .RepoDigests 0}}' " + ref)
	r.hjk("run", "z", "--image", pinned, "--detach")
	newerIs(t, r.stock()["z"], false, "pinned")
	r.hjk("rm", "z")

	if _, err := r.Do(r.x().Worktree, "sh", "-ec", "echo 'RUN echo more' >>Dockerfile && "+r.Bin+" build"); err != nil {
		t.Fatal(err)
	}
	newerIs(t, r.stock()["x"], true, "built")

	reg.Stop()
	if i := r.stock()["y"]; i.Newer != nil || !strings.Contains(i.NewerDetail, "registry") {
		t.Fatalf("without its registry: %+v", i)
	}
}

// A registry that asks for no credentials is pulled from though the credential helper is gone, as after an uninstalled desktop.
func TestPullHelperGone(t *testing.T) {
	r := newRig(t)
	reg, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	ref := reg.Host + "/team/open:1"
	r.push(ref, reg.Host)
	r.sh(`mkdir -p ~/.docker && echo '{"credsStore":"hjkgone"}' >~/.docker/config.json`)
	r.hjk("run", "x", "--image", ref, "--detach")
	newerIs(t, r.stock()["x"], false, "")
}

// An image that the registry has for one platform alone is not the engine's failure when another is wanted.
func TestPlatformNotThere(t *testing.T) {
	r := newRig(t)
	reg, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	ref := reg.Host + "/team/single:1"
	r.push(ref, reg.Host)
	r.sh("echo 'build: {platform: linux/s390x}' >.headjack.yaml")
	r.fails("image_unsupported", "run", "x", "--image", ref, "--detach", "--json")
	r.fails("set build.platform to one", "run", "x", "--image", ref, "--detach")
	r.nothingLeft("after an image for another platform")
}

// Prune removes what hjk-ls brought in and nothing uses, and nothing else.
func TestPrune(t *testing.T) {
	r := newRig(t)
	reg, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	ref, mine := reg.Host+"/team/tool:1", reg.Host+"/team/mine:1"
	r.push(ref, "pulled")
	r.push(mine, "my own")
	r.sh("docker pull -q " + mine)
	r.hjk("run", "x", "--detach")
	r.hjk("run", "y", "--image", ref, "--detach")
	r.hjk("run", "m", "--image", mine, "--detach")
	built, pulled := r.stock()["x"].ID, r.stock()["y"].ID
	unused := func() map[string]bool {
		ids := map[string]bool{}
		for id, i := range r.stock("--offline") {
			if i.Unused {
				ids[id] = true
			}
		}
		return ids
	}
	has := func(id string) bool {
		_, err := r.Do(r.repo, "docker", "image", "inspect", id)
		return err == nil
	}
	if u := unused(); u[built] || u[pulled] {
		t.Fatalf("images in use are called unused: %v", u)
	}
	r.hjk("rm", "y")
	r.hjk("rm", "m")
	if u := unused(); u[built] || !u[pulled] {
		t.Fatalf("%v; x uses %s, and nothing %s", u, built, pulled)
	}
	// What an instance would take next is its own, though no container uses it yet.
	tree := r.x().Worktree
	if err := os.WriteFile(filepath.Join(tree, "Dockerfile"), []byte("FROM hjk-test/busybox:1\nRUN echo next > /x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Do(tree, r.Bin, "build"); err != nil {
		t.Fatal(err)
	}
	if !r.x().Image.Stale {
		t.Fatal("x is not stale")
	}
	r.fails("--yes", "prune")
	if out := r.hjk("prune", "--dry-run"); !strings.Contains(out, "would remove") || !has(pulled) {
		t.Fatalf("dry run: %s", out)
	}
	r.sh("docker tag " + ref + " mine/again:1") // a name of the user's own keeps an image
	r.hjk("prune", "--yes")
	if !has(pulled) || !r.x().Image.Stale {
		t.Fatal("prune took an image that the user named, or the next one of an instance")
	}
	r.sh("docker rmi mine/again:1")
	out := r.hjk("prune", "--yes")
	if has(pulled) || !has(built) || !has(mine) || !strings.Contains(out, "removed") {
		t.Fatalf("pulled %v, built %v, my own %v: %s", has(pulled), has(built), has(mine), out)
	}
	next := r.sh("docker image inspect -f '{{.ID}}' headjack/" + filepath.Base(tree) + ":latest")
	r.hjk("recreate", "x")
	r.hjk("rm", "x", "--force")
	r.hjk("prune", "--yes")
	if has(built) || has(next) {
		t.Fatalf("builds are left: %v %v", has(built), has(next))
	}
	r.sh("docker rmi " + mine)
	r.nothingLeft("after prune")
}

// An image that was pulled by its digest from two repositories goes whole, and is called by its names. One that its user
// pulled by digest from a third stays.
func TestPruneDigests(t *testing.T) {
	r := newRig(t)
	reg, err := drive.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Stop()
	at := map[string]string{}
	r.push(reg.Host+"/team/one:1", reg.Host)
	r.sh("docker pull -q " + reg.Host + "/team/one:1")
	for _, name := range []string{"one", "two", "mine"} {
		repo := reg.Host + "/team/" + name
		r.sh(fmt.Sprintf("docker tag %s/team/one:1 %s:2 && docker push -q %[2]s:2", reg.Host, repo))
		_, digest, _ := strings.Cut(r.sh("docker image inspect -f '{{index .RepoDigests 0}}' "+repo+":2"), "@")
		at[name] = repo + "@" + strings.TrimSpace(digest)
	}
	r.sh(fmt.Sprintf("docker rmi %s/team/one:1 %[1]s/team/one:2 %[1]s/team/two:2 %[1]s/team/mine:2", reg.Host))
	for _, name := range []string{"one", "two"} {
		r.hjk("run", name, "--image", at[name], "--detach")
	}
	id := r.stock()["one"].ID
	r.hjk("rm", "one")
	r.hjk("rm", "two")
	r.sh("docker pull -q " + at["mine"])
	if r.stock("--offline")[id].Unused {
		t.Fatal("an image that its user pulled by digest is offered")
	}
	r.sh("docker rmi " + at["mine"])
	if out := r.hjk("prune", "--yes"); !strings.Contains(out, at["one"]) || !strings.Contains(out, at["two"]) {
		t.Fatalf("the image is not called by its names: %s", out)
	}
	if out, err := r.Do(r.repo, "docker", "image", "inspect", id); err == nil {
		t.Fatalf("it is still there: %s", out)
	}
}

// Runs that are making their containers while images are pruned all get one.
func TestPruneWhileRunning(t *testing.T) {
	r := newRig(t)
	var done atomic.Bool
	together(3, func(i int) {
		if i == 2 {
			for !done.Load() {
				if _, err := r.Hjk(r.repo, "prune", "--yes"); err != nil {
					t.Error(err)
				}
			}
			return
		}
		defer done.Store(true)
		for n := range 6 {
			branch := fmt.Sprintf("p%d-%d", i, n)
			if _, err := r.Hjk(r.repo, "run", branch, "--detach"); err != nil {
				t.Error(err)
			}
			if _, err := r.Hjk(r.repo, "rm", branch, "--force"); err != nil {
				t.Error(err)
			}
		}
	})
}
