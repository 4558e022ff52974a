package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// service is one of the host, which counts who asks it.
type service struct {
	url  string
	hits atomic.Int64
}

func serve(t *testing.T, addr, redirect string) *service {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
	must(t, err)
	p := &service{url: "http://" + l.Addr().String() + "/"}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		p.hits.Add(1)
		if redirect != "" {
			http.Redirect(w, req, redirect, http.StatusFound)
			return
		}
		fmt.Fprintln(w, "private")
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return p
}

// gateway is the address by which containers reach the host.
func (r rig) gateway() string {
	return r.docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
}

// refusedBuild writes a Dockerfile as an agent does, and waits until its build was refused.
func (e *editor) refusedBuild(text, why string) {
	e.Helper()
	e.write("Dockerfile", text)
	if ev := e.built("failed"); !strings.Contains(ev.Error, "not in a build that nobody asked for") || !strings.Contains(ev.Error, why) || !strings.Contains(ev.Error, "hjk-ls build") {
		e.Errorf("%s: failed with %q, not because of %q", text, ev.Error, why)
	}
}

// TestUnaskedBuildReachesNoService has an agent's Dockerfile fetch from the host's own services. The control is the same
// Dockerfile, built because the user asks for it: there the engine fetches from the host's loopback.
func TestUnaskedBuildReachesNoService(t *testing.T) {
	for _, network := range []string{"default", "none"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			loopback := serve(t, "127.0.0.1", "")
			outside := serve(t, r.gateway(), loopback.url)
			r.userConfig("network: " + network + "\n")
			e := r.edit(drive.Editor{})
			salt := rand.Text()
			from := "FROM hjk-test/busybox:1\nENV SALT=" + salt + "\n"
			fetch := from + "ADD " + loopback.url + salt + " /x\n"
			e.refusedBuild(fetch, "it fetches "+loopback.url)
			e.refusedBuild(from+"ADD "+outside.url+salt+" /x\n", "it fetches "+outside.url)
			e.refusedBuild("FROM hjk-test/busybox:1 AS a\nADD "+loopback.url+salt+" /x\nFROM hjk-test/busybox:1\nCOPY --from=a /x /x\n", "it fetches")
			e.refusedBuild(from+"ADD git://127.0.0.1/x.git#main /x\n", "it fetches git://")
			e.refusedBuild("# syntax=hjk-test/busybox:1\n"+from, "another frontend")
			leak := "FROM " + strings.TrimPrefix(loopback.url, "http://") + "leak:1\n"
			e.refusedBuild(leak, "is not in the engine")
			e.refusedBuild(from+"COPY --from="+strings.TrimPrefix(leak, "FROM ")[:len(leak)-6]+" /x /x\n", "is not in the engine")
			if n := loopback.hits.Load() + outside.hits.Load(); n > 0 {
				t.Errorf("services of the host were asked %d times", n)
			}
			r.write("Dockerfile", from+"RUN cat /proc/net/dev >/net\n")
			if eth := strings.Contains(r.cat(e.built("succeeded").Image, "/net"), "eth0"); eth != (network == "default") {
				t.Errorf("with network: %s a RUN has a network: %v", network, eth)
			}
			if network == "none" {
				e.refusedBuild("FROM "+strings.TrimPrefix(outside.url, "http://")+"leak:1\n", "is not in the engine")
			}

			r.write("Dockerfile", fetch)
			e.built("failed")
			r.hjk("build")
			if loopback.hits.Load() == 0 {
				t.Error("the control: a build that is asked for does not reach the service either, so this shows nothing")
			}
			loopback.hits.Store(0)
			r.write("Dockerfile", leak)
			r.fails("leak", "build")
			if loopback.hits.Load() == 0 {
				t.Error("the control: an image is not looked for at the service by a build that is asked for, so this shows nothing")
			}
			r.nothingLeft("in the end")
		})
	}
}

// TestAgreedTextIsTheUsers: what the user has had built, or saved in the editor, may fetch again when a file changes.
func TestAgreedTextIsTheUsers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	loopback := serve(t, "127.0.0.1", "")
	e := r.edit(drive.Editor{})
	salt := rand.Text()
	text := "FROM hjk-test/busybox:1\nADD " + loopback.url + salt + " /x\nCOPY file /file\nARG WHO\nENV WHO=$WHO\n"
	r.write("file", "one")
	e.refusedBuild(text, "it fetches")
	if d := e.diagnosed("it fetches"); d.Diagnostics[0].Range.Start.Line != 1 {
		t.Errorf("it is shown at line %d", d.Diagnostics[0].Range.Start.Line)
	}
	r.hjk("build")
	e.built("succeeded")
	r.write("file", "two")
	if got := r.cat(e.built("succeeded").Image, "/file"); got != "two" {
		t.Error(got)
	}
	e.refusedBuild(text+"ENV AN=agent\n", "changed since you last built it")
	saved := text + "ENV A=user\n"
	r.write("Dockerfile", saved)
	uri := e.open()
	e.tell("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri}})
	e.built("succeeded")
	r.write(".headjack.yaml", "build: {args: {WHO: agent}}\n")
	if ev := e.built("failed"); !strings.Contains(ev.Error, "it fetches") {
		t.Errorf("arguments of an agent's: %+v", ev)
	}
	r.nothingLeft("in the end")
}

// TestUnaskedBuildHasNoSecret has an agent print the user's build secret, by the Dockerfile and by a script that it copies.
// The controls are the user's own build, and the user's save in the editor.
func TestUnaskedBuildHasNoSecret(t *testing.T) {
	r := newRig(t)
	t.Setenv("TOKEN", "s3cret-of-the-build")
	r.userConfig("build: {secrets: ['id=tok,env=TOKEN']}\n")
	e := r.edit(drive.Editor{})
	text := "FROM hjk-test/busybox:1\nENV SALT=" + rand.Text() + "\nCOPY script /script\nRUN --mount=type=secret,id=tok sh /script\n"
	r.write("script", "cat /run/secrets/tok >/x")
	e.refusedBuild(text, "it needs the secret tok")
	e.refusedBuild(strings.Replace(text, "id=tok", "id=tok,required=true", 1), "it needs the secret tok")
	r.write("Dockerfile", text)
	e.built("failed")
	r.hjk("build")
	if got := r.cat(r.sh(`docker images -q 'headjack/hjk-*' | head -1`), "/x"); got != "s3cret-of-the-build" {
		t.Errorf("the control: a build that is asked for has no secret either: %q", got)
	}
	asked := e.built("succeeded").Image
	r.write("script", "cat /run/secrets/tok >/x; echo by an agent >>/x")
	if ev := e.built("failed"); !strings.Contains(ev.Error, "it needs the secret tok") {
		t.Errorf("a script of an agent's: %+v", ev)
	}
	r.write("script", "cat /run/secrets/tok >/x") // as by a checkout of the branch that the user has built
	if got := e.built("succeeded").Image; got != asked {
		t.Errorf("what the user had built is %s, and was %s", got, asked)
	}
	r.write("Dockerfile", text+"ENV A=user\n")
	uri := e.open()
	e.tell("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri}})
	if got := r.cat(e.built("succeeded").Image, "/x"); !strings.HasPrefix(got, "s3cret-of-the-build") {
		t.Errorf("the control: the user's save has no secret either: %q", got)
	}
	r.nothingLeft("in the end")
}

// TestLateSaveIsTheUsers has the system tell of a save long before the editor does.
func TestLateSaveIsTheUsers(t *testing.T) {
	r := newRig(t)
	t.Setenv("TOKEN", "s3cret")
	r.userConfig("build: {secrets: ['id=tok,env=TOKEN']}\n")
	e := r.edit(drive.Editor{})
	e.refusedBuild("FROM hjk-test/busybox:1\nENV SALT="+rand.Text()+"\nRUN --mount=type=secret,id=tok cat /run/secrets/tok >/x\n", "it needs the secret")
	uri := e.open()
	e.tell("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": uri}})
	if got := r.cat(e.built("succeeded").Image, "/x"); got != "s3cret" {
		t.Error(got)
	}
	r.nothingLeft("in the end")
}

// TestUnaskedBuildHasNoLogin has an agent name an image that only the user's login may read. The control is the user's build.
func TestUnaskedBuildHasNoLogin(t *testing.T) {
	r := newRig(t)
	host := loginRegistry(t)
	secret := host + "/private:" + strings.ToLower(rand.Text())
	r.sh("mkdir -p $HOME/.docker; docker login -u u -p p " + host + " 2>/dev/null; docker tag hjk-test/busybox:1 " + secret + "; docker push -q " + secret + "; docker rmi " + secret)
	e := r.edit(drive.Editor{})
	r.write("Dockerfile", "FROM "+secret+"\n")
	if ev := e.built("failed"); !strings.Contains(ev.Error, "is not in the engine") {
		t.Errorf("%+v", ev)
	}
	if _, err := r.Do(r.repo, "docker", "image", "inspect", secret); err == nil {
		t.Error("it was pulled")
	}
	r.hjk("build") // the control
	r.nothingLeft("in the end")
}

// loginRegistry is a registry on loopback that only u with the password p may use.
func loginRegistry(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("htpasswd", "-Bbn", "u", "p").Output()
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	_ = l.Close()
	must(t, os.WriteFile(filepath.Join(dir, "htpasswd"), out, 0o644))
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: %q}\nauth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir, addr, dir)
	must(t, os.WriteFile(filepath.Join(dir, "config.yml"), []byte(conf), 0o644))
	cmd := exec.Command("docker-registry", "serve", filepath.Join(dir, "config.yml"))
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + addr + "/v2/"); err == nil {
			_ = res.Body.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal("the registry did not come up")
		}
	}
}

// TestProjectsAreApart has one project's Dockerfile look for what another's left: in a cache mount, and in its image. The
// controls are the project itself, which finds the cache, and consent, with which the image can be used.
func TestProjectsAreApart(t *testing.T) {
	r := newRig(t)
	id := rand.Text()
	mount := "RUN --mount=type=cache,target=/c,id=" + id + " "
	text := func(salt, script string) string {
		return "FROM hjk-test/busybox:1\nENV SALT=" + salt + "\n" + mount + script + "\n"
	}
	r.write("Dockerfile", text(rand.Text(), "echo poison >/c/f"))
	r.hjk("build")
	r.write("Dockerfile", text(rand.Text(), "cp /c/f /x"))
	r.hjk("build") // the control: it is there

	files := map[string]string{"Dockerfile": text(rand.Text(), "cat /c/f >/x 2>/dev/null || echo nothing >/x")}
	other := rig{r.T, r.Rig, ""}
	var err error
	other.repo, err = r.Repo("other", files)
	must(t, err)
	out := other.hjk("build")
	image := strings.Fields(out[strings.Index(out, "sha256:"):])[0]
	if got := r.cat(image, "/x"); got != "nothing" {
		t.Errorf("the cache of another project holds %q", got)
	}
	other.repoConfig("build: {args: {BUILDKIT_CACHE_MOUNT_NS: ''}}\n")
	other.write("Dockerfile", text(rand.Text(), "cat /c/f >/x 2>/dev/null || echo nothing >/x"))
	out = other.hjk("build")
	if got := r.cat(strings.Fields(out[strings.Index(out, "sha256:"):])[0], "/x"); got != "nothing" {
		t.Errorf("by an argument the cache of another project holds %q", got)
	}
	must(t, os.Remove(filepath.Join(other.repo, ".headjack.yaml")))

	private := strings.Fields(r.sh("docker image inspect -f '{{index .RepoTags 0}}' $(docker images -q 'headjack/hjk-*' | tail -1)"))[0]
	for _, text := range []string{"FROM localhost/" + private + "\n", "FROM " + private + "\n", "FROM hjk-test/busybox:1\nCOPY --from=" + private + " /x /y\n", "ARG B=" + private + "\nFROM $B\n"} {
		other.write("Dockerfile", text)
		other.fails("another project's image", "build")
		other.fails("--allow-privileges", "build")
	}
	other.repoConfig("image: " + private + "\n")
	other.fails("image="+private, "run", "y", "--detach")
	must(t, os.Remove(filepath.Join(other.repo, ".headjack.yaml")))
	other.hjk("build", "--allow-privileges") // the control
	other.hjk("build")                       // and exactly that again
	r.nothingLeft("in the end")
}
