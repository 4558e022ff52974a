package images

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
	bkclient "github.com/moby/buildkit/client"
)

func TestParse(t *testing.T) {
	root := t.TempDir()
	for _, f := range []string{"Dockerfile", "Dockerfile.dev", "plain", "sub/Dockerfile", "base/Dockerfile", ".headjack/Dockerfile"} {
		path := filepath.Join(root, f)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	file := func(f, context string) Source {
		return Source{Kind: KindDockerfile, Dockerfile: filepath.Join(root, f), Context: filepath.Join(root, context), Tree: root}
	}
	sum := strings.Repeat("a", 64)
	for image, want := range map[string]Source{
		"./Dockerfile.dev":               file("Dockerfile.dev", ""),
		"Dockerfile":                     file("Dockerfile", ""),
		"plain":                          file("plain", ""),
		"./sub":                          file("sub/Dockerfile", "sub"),
		"sub/":                           file("sub/Dockerfile", "sub"),
		"sub/Dockerfile":                 file("sub/Dockerfile", ""),
		"base":                           {Kind: KindDefault, Ref: Default},
		"./base":                         file("base/Dockerfile", "base"),
		"systemd":                        {Kind: KindDefault, Ref: DefaultRepository + ":systemd"},
		"debian":                         {Kind: KindReference, Ref: "docker.io/library/debian:latest"},
		"me/x:1":                         {Kind: KindReference, Ref: "docker.io/me/x:1"},
		"127.0.0.1:5000/x@sha256:" + sum: {Kind: KindReference, Ref: "127.0.0.1:5000/x@sha256:" + sum},
		outside:                          {Kind: KindDockerfile, Dockerfile: outside, Context: filepath.Dir(outside)},
	} {
		if got, err := Parse(image, root); err != nil || got != want {
			t.Errorf("%q: %+v, %v", image, got, err)
		}
	}
	for image, want := range map[string]error{
		"./none": ErrDockerfileNotFound, "x.Dockerfile": ErrDockerfileNotFound, "Containerfile.x": ErrDockerfileNotFound,
		"UPPER": ErrInvalidReference, "a b": ErrInvalidReference, "x@sha256:12": ErrInvalidReference, "": ErrInvalidReference,
	} {
		if _, err := Parse(image, root); !errors.Is(err, want) {
			t.Errorf("%q: %v", image, err)
		}
	}
	if got, ok, err := Discover(root); !ok || err != nil || got != file(".headjack/Dockerfile", "") {
		t.Errorf("discovered %+v", got)
	}
}

func TestLabels(t *testing.T) {
	img := Image{Labels: map[string]string{LabelInit: "/sbin/init", "io.headjack.docker.flags": "privileged=true  tmpfs=/run --cgroupns=host"}}
	init, flags, power, err := Labels(img, "docker")
	if err != nil || init != "/sbin/init" || len(flags) != 3 || strings.Join(power, " ") != "init=/sbin/init privileged=true cgroupns=host" {
		t.Errorf("%q %v %v %v", init, flags, power, err)
	}
	if _, flags, _, _ := Labels(img, "podman"); len(flags) != 0 {
		t.Errorf("podman got docker's flags: %v", flags)
	}
	for _, bad := range []map[string]string{{LabelInit: "init"}, {"io.headjack.docker.flags": "=x"}} {
		if _, _, _, err := Labels(Image{Labels: bad}, "docker"); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestConsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "consent.json")
	c := OpenConsent(path)
	if c.Allowed("id", []string{"privileged=true"}) {
		t.Error("allowed without being asked")
	}
	if err := c.Allow("id", []string{"b", "a"}); err != nil {
		t.Fatal(err)
	}
	if !OpenConsent(path).Allowed("id", []string{"a", "b"}) || c.Allowed("id", []string{"a", "b", "c"}) || c.Allowed("id", []string{"a"}) || c.Allowed("other", []string{"a", "b"}) {
		t.Error("not exactly what was allowed is allowed")
	}
	if err := os.WriteFile(path, []byte("{damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Allowed("id", []string{"a", "b"}) {
		t.Error("allowed by a damaged file")
	}
	if err := c.Allow("id", []string{"a"}); err != nil || !c.Allowed("id", []string{"a"}) {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error("the damaged file is lost")
	}
}

func builderFor(t *testing.T, config string) *Builder {
	t.Helper()
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	if host == "" {
		t.Fatal("needs a container engine: run make test")
	}
	c, err := client.NewClientWithOpts(client.WithHost(host), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	b := New(Options{Client: c, DockerConfigDir: config})
	t.Cleanup(func() {
		b.Close()
		c.Close()
	})
	return b
}

// buildIn builds a Dockerfile with its files.
func buildIn(t *testing.T, b *Builder, ctx context.Context, files map[string]string, o BuildOptions, p Progress) (BuildResult, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a context é")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	src, ok, err := Discover(dir)
	if !ok || err != nil {
		t.Fatal("no Dockerfile")
	}
	o.Tag = "headjack/test-" + strings.ToLower(rand.Text()[:8]) + ":latest"
	t.Cleanup(func() { _ = b.Untag(context.Background(), o.Tag) })
	return b.Build(ctx, src, o, p)
}

// TestFailuresNameTheirLines holds on BuildKit and on the classic builder.
func TestFailuresNameTheirLines(t *testing.T) {
	for name, c := range map[string]struct {
		text       string
		start, end int
		exit       int
		tail       string
		modern     bool // not for the classic builder
	}{
		"run":          {"FROM hjk-test/busybox:1\n\nRUN echo a-%[1]s && exit 3\nRUN echo b", 3, 3, 3, "a-", false},
		"continuation": {"FROM hjk-test/busybox:1\nRUN echo %[1]s && \\\n  echo x && \\\n  exit 4\n", 2, 4, 4, "x", false},
		"heredoc":      {"# syntax=docker/dockerfile:1\nFROM hjk-test/busybox:1\nRUN <<E\necho %[1]s\nexit 5\nE\n", 3, 6, 5, "", true},
		"copy":         {"FROM hjk-test/busybox:1\nCOPY none-%[1]s /x\n", 2, 2, 0, "", false},
		"parse":        {"FROM hjk-test/busybox:1\nRUNN echo\n", 2, 2, 0, "", true},
		// One base only: BuildKit v0.34.2 sets a field without a lock when it resolves two (builder/resolvecache.go).
		"base": {"# no registry listens there\nFROM 127.0.0.1:1/none:1\n", 2, 2, 0, "", false},
	} {
		for _, classic := range []bool{false, true} {
			if classic && c.modern {
				continue
			}
			t.Run(fmt.Sprintf("%s classic=%v", name, classic), func(t *testing.T) {
				b := builderFor(t, t.TempDir())
				b.classic = classic
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				text := strings.ReplaceAll(c.text, "%[1]s", rand.Text())
				_, err := buildIn(t, b, ctx, map[string]string{"Dockerfile": text}, BuildOptions{}, nil)
				var be *BuildError
				if !errors.As(err, &be) {
					t.Fatalf("%v", err)
				}
				if be.StartLine != c.start || be.EndLine != c.end || be.ExitCode != c.exit || !strings.Contains(be.LogTail, c.tail) {
					t.Errorf("lines %d-%d exit %d tail %q: %v", be.StartLine, be.EndLine, be.ExitCode, be.LogTail, err)
				}
			})
		}
	}
}

func TestBuildOptions(t *testing.T) {
	b := builderFor(t, t.TempDir())
	t.Setenv("HJK_TEST_SECRET", "s3cr3t-"+rand.Text())
	var log bytes.Buffer
	files := map[string]string{
		"Dockerfile":              "# syntax=docker/dockerfile:1\nFROM hjk-test/busybox:1 AS one\nARG A=none\nRUN --mount=type=secret,id=s [ \"$(cat /run/secrets/s)\" = \"$A\" ]\nCOPY . /ctx\nRUN ls /ctx\nFROM one AS two\nRUN exit 9\n",
		"Dockerfile.dockerignore": "hidden\n",
		"hidden":                  "", "seen": "",
	}
	res, err := buildIn(t, b, t.Context(), files, BuildOptions{
		Target: "one", Args: map[string]string{"A": os.Getenv("HJK_TEST_SECRET")}, Labels: map[string]string{"l": "v"},
		Secrets: []Secret{{ID: "s", Env: "HJK_TEST_SECRET"}}, Platform: "linux/amd64",
	}, func(s *bkclient.SolveStatus) {
		for _, l := range s.Logs {
			log.Write(l.Data)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "seen") || strings.Contains(log.String(), "hidden") {
		t.Errorf("context: %s", log.String())
	}
	if res.Image.Labels["l"] != "v" || res.Image.OS != "linux" || res.Steps < 4 {
		t.Errorf("%+v", res)
	}
	if _, err := buildIn(t, b, t.Context(), files, BuildOptions{Target: "two", Secrets: []Secret{{ID: "s", Env: "HJK_TEST_UNSET"}}}, nil); err == nil || !strings.Contains(err.Error(), "HJK_TEST_UNSET is not set") {
		t.Errorf("unset secret: %v", err)
	}
}

func TestCancelReachesTheStep(t *testing.T) {
	b := builderFor(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	seconds := fmt.Sprint(100000 + time.Now().UnixNano()%100000)
	_, err := buildIn(t, b, ctx, map[string]string{"Dockerfile": "FROM hjk-test/busybox:1\nRUN sleep " + seconds}, BuildOptions{}, func(s *bkclient.SolveStatus) {
		for _, v := range s.Vertexes {
			if strings.Contains(v.Name, "sleep") && v.Started != nil {
				time.AfterFunc(200*time.Millisecond, cancel)
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for exec.Command("pgrep", "-f", "^sleep "+seconds).Run() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the step goes on in the engine")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// loopbackRegistry runs Debian's docker-registry on loopback, for user "u" with password "p", and gives its address.
func loopbackRegistry(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	out, err := exec.Command("htpasswd", "-Bbn", "u", "p").Output()
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: %s}\nauth: {htpasswd: {realm: test, path: %s/htpasswd}}\n", dir, addr, dir)
	if err := errors.Join(os.WriteFile(dir+"/htpasswd", out, 0o644), os.WriteFile(dir+"/config.yml", []byte(conf), 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker-registry", "serve", dir+"/config.yml")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the registry did not come up")
	return ""
}

func TestPull(t *testing.T) {
	addr := loopbackRegistry(t)
	host := os.Getenv("HJK_TEST_DOCKER_HOST")
	anonymous, known := t.TempDir(), t.TempDir()
	helper := filepath.Join(t.TempDir(), "docker-credential-hjktest")
	config := fmt.Sprintf(`{"credHelpers":{%q:"hjktest"}}`, addr)
	script := fmt.Sprintf("#!/bin/sh\necho '{\"ServerURL\":%q,\"Username\":\"u\",\"Secret\":\"p\"}'\n", addr)
	if err := errors.Join(os.WriteFile(filepath.Join(known, "config.json"), []byte(config), 0o600), os.WriteFile(helper, []byte(script), 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(helper)+":"+os.Getenv("PATH"))
	ref := addr + "/team/box:1"
	docker := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("docker", append([]string{"--config", known, "--host", host}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("docker %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	docker("tag", "hjk-test/busybox:1", ref)
	docker("push", ref)
	pinned := strings.TrimSpace(docker("inspect", "-f", "{{index .RepoDigests 0}}", ref))
	docker("rmi", ref)
	defer func() { _ = exec.Command("docker", "--host", host, "rmi", ref, pinned).Run() }()

	src := func(s string) Source {
		got, err := Parse(s, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	b, stranger := builderFor(t, known), builderFor(t, anonymous)
	kind := func(err error) PullKind {
		var pe *PullError
		if errors.As(err, &pe) {
			return pe.Kind
		}
		return ""
	}
	if _, err := b.Pull(t.Context(), src(ref), PullNever, "", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("never: %v", err)
	}
	if _, err := stranger.Pull(t.Context(), src(ref), PullMissing, "", nil); kind(err) != PullAuth || !strings.Contains(err.Error(), "docker login "+addr) {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := b.Pull(t.Context(), src(addr+"/team/box:none"), PullMissing, "", nil); kind(err) != PullNotFound {
		t.Errorf("missing tag: %v", err)
	}
	if _, err := b.Pull(t.Context(), src("127.0.0.1:1/x"), PullMissing, "", nil); kind(err) != PullUnreachable {
		t.Errorf("no registry: %v", err)
	}
	var told []string
	img, err := b.Pull(t.Context(), src(ref), PullMissing, "", func(s *bkclient.SolveStatus) {
		for _, v := range s.Vertexes {
			told = append(told, fmt.Sprint(v.Name, v.Completed != nil))
		}
	})
	if err != nil || img.ID == "" || len(told) < 2 || told[len(told)-1] != "pull "+ref+"true" {
		t.Errorf("pull: %v %v %v", img.ID, told, err)
	}
	if got, err := b.Pull(t.Context(), src(pinned), PullAlways, "", nil); err != nil || got.ID != img.ID {
		t.Errorf("digest: %v %v", got.ID, err)
	}
	wrong := pinned[:len(pinned)-4] + "0000"
	if _, err := b.Pull(t.Context(), src(wrong), PullMissing, "", nil); kind(err) != PullNotFound {
		t.Errorf("wrong digest: %v", err)
	}
	if _, err := b.Pull(t.Context(), src(ref), PullMissing, "linux/s390x", nil); kind(err) == "" {
		t.Logf("another platform: %v", err)
	}
}

// TestPullCredentialsLost: where a registry asks for credentials that could not be had, that is the cause, and not that nobody
// logged in.
func TestPullCredentialsLost(t *testing.T) {
	addr := loopbackRegistry(t)
	for config, say := range map[string]string{
		`{"credsStore":"hjkgone"}`: "docker-credential-hjkgone",
		`{"auths":`:                "parsing config file",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		b := builderFor(t, dir)
		_, pulled := b.Pull(t.Context(), Source{Kind: KindReference, Ref: addr + "/team/box:1"}, PullMissing, "", nil)
		_, asked := b.Newest(t.Context(), addr+"/team/box:1")
		for _, err := range []error{pulled, asked} {
			var pe *PullError
			if !errors.As(err, &pe) || pe.Kind != PullCredentials || !strings.Contains(err.Error(), say) {
				t.Errorf("%s: %v", config, err)
			}
		}
	}
}

func FuzzFollow(f *testing.F) {
	f.Add(`{"status":"Pulling from x","id":"1"}` + "\n" + `{"id":"abc","status":"Downloading","progressDetail":{"current":1,"total":2}}`)
	f.Add(`{"error":"x"}`)
	f.Fuzz(func(_ *testing.T, s string) {
		_ = follow("x", strings.NewReader(s), func(*bkclient.SolveStatus) {})
		c := newClassic("f", []byte(s), nil)
		if err := c.follow(io.LimitReader(strings.NewReader(s), 1<<20)); err != nil {
			_ = c.failure(err)
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add("/init", "a=b c")
	f.Fuzz(func(t *testing.T, init, flags string) {
		_, all, power, err := Labels(Image{Labels: map[string]string{LabelInit: init, "io.headjack.docker.flags": flags}}, "docker")
		if err == nil && len(power) > len(all)+1 {
			t.Error("more power than flags and an init")
		}
	})
}

// TestBuildWithSSH: a step reaches the host's ssh agent when the build is told to, and only then.
func TestBuildWithSSH(t *testing.T) {
	sock := filepath.Join(t.TempDir(), "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	for range 100 {
		if _, err := os.Stat(sock); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b := builderFor(t, t.TempDir())
	files := map[string]string{"Dockerfile": "# syntax=docker/dockerfile:1\nFROM hjk-test/busybox:1\nRUN --mount=type=ssh,required=true [ -S \"$SSH_AUTH_SOCK\" ] # " + rand.Text() + "\n"}
	if _, err := buildIn(t, b, t.Context(), files, BuildOptions{SSH: []string{"default=" + sock}}, nil); err != nil {
		t.Error(err)
	}
	if _, err := buildIn(t, b, t.Context(), files, BuildOptions{NoCache: true}, nil); err == nil {
		t.Error("a step that needs ssh was built without")
	}
}
