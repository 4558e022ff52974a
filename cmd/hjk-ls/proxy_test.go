package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
	"github.com/gilmanlab/hjk-ls/server/agents"
)

// proxy is an HTTP proxy on the engine's bridge, for plain requests and for CONNECT. Names below .proxied.test it finds at the
// host's loopback, where containers find nothing.
type proxy struct {
	url string // with a user and a password

	mu    sync.Mutex
	asked []string // method and host, where the password was right
}

const proxyPassword = "pr0xy-s3cr3t"

func (r rig) proxy() *proxy {
	r.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(r.gateway(), "0"))
	must(r.T, err)
	p := &proxy{url: "http://u:" + proxyPassword + "@" + l.Addr().String()}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: p}
	go func() { _ = srv.Serve(l) }()
	r.Cleanup(func() { _ = srv.Close() })
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	login := http.Request{Header: http.Header{"Authorization": req.Header["Proxy-Authorization"]}}
	if _, pass, _ := login.BasicAuth(); pass != proxyPassword {
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.Method+" "+req.URL.Hostname())
	p.mu.Unlock()
	host := net.JoinHostPort("127.0.0.1", req.URL.Port())
	if req.Method == http.MethodConnect {
		p.connect(w, host)
		return
	}
	req.Host, req.URL.Host = host, host
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

func (p *proxy) connect(w http.ResponseWriter, host string) {
	there, err := net.Dial("tcp", host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(there, buffered); _ = there.Close() }()
	_, _ = io.Copy(here, there)
}

// took are the requests since it was last asked.
func (p *proxy) took() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.asked
	p.asked = nil
	return all
}

// proxied is an address of the host's loopback as it is reached by the proxy alone.
func proxied(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	u.Host = net.JoinHostPort("x.proxied.test", u.Port())
	return u.String()
}

// dockerConfig writes the Docker CLI's config.json, with proxies by the address of an engine.
func (r rig) dockerConfig(dir string, proxies map[string]map[string]string) {
	r.Helper()
	b, err := json.Marshal(map[string]any{"proxies": proxies})
	must(r.T, err)
	r.write(filepath.Join(r.Dir, dir, "config.json"), string(b))
}

// getter puts a program that speaks TLS into the repository's image.
func (r rig) getter(more string) {
	r.Helper()
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(r.repo, "get"), "../../internal/testing/testget")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("%v: %s", err, out)
	}
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nCOPY get /bin/get\n"+more)
	r.sh("git add -A; git commit -qm get")
}

// getters are agents that print what the address in their prompt answers.
const getters = "agents:\n  get: {command: [get]}\n  wget: {command: [wget, -q, -O, '-']}\n"

// gets has a session of the agent get what an address answers.
func (r rig) gets(agent, address string, more ...string) string {
	r.Helper()
	var res agents.RunResult
	out := r.hjk(append([]string{"run", "x", address, "--agent", agent, "--detach", "--json"}, more...)...)
	must(r.T, json.Unmarshal([]byte(out), &res))
	r.eventually("a session of "+agent+" ends", func() bool {
		return slices.ContainsFunc(r.x().Sessions, func(s agents.Session) bool { return s.Name == res.Session.Name && s.State == "exited" })
	})
	return r.hjk("logs", "x", res.Session.Name)
}

func (p *proxy) everything() map[string]string {
	return map[string]string{"httpProxy": p.url, "httpsProxy": p.url, "noProxy": "direct.test"}
}

// TestProxyOfSessions: what `docker run` gives a container of proxies is there for sessions and for docker exec, from the configuration
// that the Docker CLI would take, and what the user says wins.
func TestProxyOfSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.getter("")
	p, other := r.proxy(), r.proxy()
	r.userConfig(getters)
	hidden := proxied(t, serve(t, "127.0.0.1", "").url)
	near := serve(t, r.gateway(), "").url
	if out := r.gets("get", hidden); !strings.Contains(out, "failed") {
		t.Errorf("the control: without a proxy: %s", out)
	}
	r.dockerConfig(".docker", map[string]map[string]string{"default": p.everything()})
	if out := r.gets("get", hidden); !strings.Contains(out, "failed") {
		t.Errorf("a container that runs keeps what it was made with: %s", out)
	}
	r.hjk("recreate", "x")
	for _, agent := range []string{"get", "wget"} {
		if out := r.gets(agent, hidden); !strings.Contains(out, "private") {
			t.Errorf("%s by the proxy: %s", agent, out)
		}
	}
	if got := p.took(); !slices.Equal(got, []string{"GET x.proxied.test", "GET x.proxied.test"}) {
		t.Errorf("the proxy was asked for %q", got)
	}
	x := r.x()
	inside := func(script string) string { return r.docker("exec", x.Container.ID, "sh", "-c", script) }
	if got := inside("wget -q -O - " + hidden + "; echo $NO_PROXY $no_proxy; env | grep -ci all_proxy || true"); got != "private\ndirect.test direct.test\n0" {
		t.Errorf("docker exec: %s", got)
	}
	want := strings.Fields(r.docker("run", "--rm", "hjk-test/busybox:1", "sh", "-c", "env | grep -i _proxy | sort"))
	if got := strings.Fields(inside("env | grep -i _proxy | sort")); len(got) != 6 || !slices.Equal(got, want) {
		t.Errorf("inside %q, as docker run has it %q", got, want)
	}
	p.took()
	if out := r.gets("get", near, "-e", "NO_PROXY="+r.gateway()); !strings.Contains(out, "private") || len(p.took()) > 0 {
		t.Errorf("run -e: %s", out)
	}
	r.userConfig(strings.Replace(getters, "[get]", "[get], env: {HTTP_PROXY: "+other.url+"}", 1))
	if out := r.gets("get", hidden); !strings.Contains(out, "private") || len(other.took()) != 1 || len(p.took()) > 0 {
		t.Errorf("the settings' own variable: %s", out)
	}
	r.userConfig(getters)

	r.dockerConfig(".docker", map[string]map[string]string{"default": p.everything(), r.Host: {"httpProxy": other.url}})
	r.hjk("recreate", "x")
	if out := r.gets("get", hidden); !strings.Contains(out, "private") || len(other.took()) != 1 || len(p.took()) > 0 {
		t.Errorf("the engine's own: %s", out)
	}
	r.userConfig("network: none\n" + getters)
	r.hjk("recreate", "x")
	if got := r.docker("inspect", "-f", "{{.Config.Env}}", r.x().Container.ID); strings.Contains(strings.ToLower(got), "_proxy=") {
		t.Errorf("without a network: %s", got)
	}
	r.userConfig(getters)
	r.dockerConfig("elsewhere", map[string]map[string]string{"default": p.everything()})
	r.sh("DOCKER_CONFIG=$HOME/elsewhere " + r.Bin + " recreate x")
	if out := r.gets("get", hidden); !strings.Contains(out, "private") || len(p.took()) != 1 {
		t.Errorf("DOCKER_CONFIG: %s", out)
	}
	r.write(filepath.Join(r.Dir, ".docker", "config.json"), "{")
	r.fails("docker configuration", "recreate", "x")
	r.sh("rm -r $HOME/.docker")
	r.hidesPassword()
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// hidesPassword looks whether hjk-ls has kept or told the proxy's password.
func (r rig) hidesPassword() {
	r.Helper()
	for _, args := range [][]string{{"ps", "--json"}, {"config", "--json"}, {"images", "--json"}, {"doctor"}} {
		if out, _ := r.Hjk(r.repo, args...); strings.Contains(out, proxyPassword) {
			r.Errorf("hjk-ls %s: %s", strings.Join(args, " "), out)
		}
	}
	if out := r.sh("grep -rl " + proxyPassword + " $HOME/state || true"); out != "" {
		r.Errorf("it is in %s", out)
	}
	if out := r.docker("inspect", "-f", "{{json .Config.Labels}}", r.x().Container.ID); strings.Contains(out, proxyPassword) {
		r.Error("it is in a label")
	}
}

// TestProxyOfRun: a RUN has the proxy, also in a build that an agent's save begins, and neither the image nor whether it is stale
// depends on which it is.
func TestProxyOfRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p, other := r.proxy(), r.proxy()
	hidden := proxied(t, serve(t, "127.0.0.1", "").url)
	r.dockerConfig(".docker", map[string]map[string]string{"default": p.everything()})
	text := "FROM hjk-test/busybox:1\nRUN wget -q -O /page " + hidden + rand.Text() + "\nRUN env\n"
	r.write("Dockerfile", text)
	r.hjk("run", "x", "--image", filepath.Join(r.repo, "Dockerfile"), "--detach")
	first := r.x()
	if got := r.cat(first.Image.ID, "/page"); got != "private" || len(p.took()) != 1 {
		t.Errorf("asked for: %s", got)
	}
	log := r.hjk("build-log", "Dockerfile")
	if !strings.Contains(log, "http_proxy=http://u:xxxxx@") {
		t.Errorf("the log of the build: %s", log)
	}
	r.dockerConfig(".docker", map[string]map[string]string{"default": other.everything()})
	e := r.edit(drive.Editor{})
	e.silent("another proxy")
	r.hjk("build", "Dockerfile")
	if x := r.x(); x.Image.Stale || x.Image.ID != first.Image.ID || len(other.took()) > 0 {
		t.Errorf("another proxy: %+v", x.Image)
	}
	e.forgetBuilds()
	r.write("Dockerfile", strings.Replace(text, "RUN env", "RUN env; wget -q -O /two "+hidden+rand.Text(), 1))
	if got := r.cat(e.built("succeeded").Image, "/two"); got != "private" || len(other.took()) != 1 {
		t.Errorf("an agent's save: %s", got)
	}
	r.hidesPassword()
	must(t, e.Close())
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
