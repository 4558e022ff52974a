package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// authority is a certificate authority of its own, with its key.
type authority struct {
	cert     *x509.Certificate
	key      *ecdsa.PrivateKey
	pem, all string // the certificate; with the key, as some keep it
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	like := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, like, like, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	a := authority{cert: cert, key: key, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	a.all = string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})) + "a comment\n" + a.pem
	return a
}

// serve answers by TLS at an address of the host, as that address and as x.proxied.test.
func (a authority) serve(t *testing.T, host string) (address string) {
	t.Helper()
	return a.serveBy(t, host, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "by "+a.cert.Subject.CommonName) }))
}

func (a authority) serveBy(t *testing.T, host string, h http.Handler) (address string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	like := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"x.proxied.test"}, IPAddresses: []net.IP{net.ParseIP(host)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, like, a.cert, &key.PublicKey, a.key)
	must(t, err)
	l, err := tls.Listen("tcp", net.JoinHostPort(host, "0"), &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	must(t, err)
	srv := &http.Server{
		ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), Handler: h,
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "https://" + l.Addr().String() + "/"
}

// TestCertificates: a session trusts the user's certificate authorities beside the image's own, by the variables that the image
// does not set, also through a proxy.
func TestCertificates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mine, images, nobodys := newAuthority(t, "mine"), newAuthority(t, "the image's"), newAuthority(t, "nobody's")
	r.write("image.pem", images.pem)
	r.getter("COPY image.pem /etc/ssl/certs/ca-certificates.crt\nENV CURL_CA_BUNDLE=/own\n")
	file := filepath.Join(r.Dir, "mine.pem")
	r.write(file, mine.all)
	at := r.gateway()
	byMine, byImage, byNobody := mine.serve(t, at), images.serve(t, at), nobodys.serve(t, at)
	set := "certificates: [~/mine.pem]\n"
	r.userConfig(getters)
	const unknown = "unknown authority"
	if out := r.gets("get", byMine); !strings.Contains(out, unknown) {
		t.Errorf("the control: without the setting: %s", out)
	}
	all := func(when string) {
		t.Helper()
		for url, want := range map[string]string{byMine: "by mine", byImage: "by the image's", byNobody: unknown} {
			if out := r.gets("get", url); !strings.Contains(out, want) {
				t.Errorf("%s: %s instead of %q", when, out, want)
			}
		}
	}
	r.userConfig(set + getters)
	r.hjk("recreate", "x")
	all("recreated")
	inside := func(script string) string { return r.docker("exec", r.x().Container.ID, "sh", "-c", script) }
	if got := inside("get " + byMine + "; echo $CURL_CA_BUNDLE; cat $NODE_EXTRA_CA_CERTS"); got != "200 OK\nby mine\n/own\n"+strings.TrimSpace(mine.pem) {
		t.Errorf("docker exec: %s", got)
	}
	if got := inside("cat $GIT_SSL_CAINFO"); got != strings.TrimSpace(images.pem+mine.pem) {
		t.Errorf("the bundle is %s", got)
	}
	if _, err := r.Do(r.repo, "docker", "exec", "-u", me, r.x().Container.ID, "sh", "-c", "echo >> $SSL_CERT_FILE || echo >> $NODE_EXTRA_CA_CERTS"); err == nil && me != "0:0" {
		t.Error("the agent can write them")
	}
	r.hjk("stop", "x")
	all("stopped and started")
	p := r.proxy()
	r.dockerConfig(".docker", map[string]map[string]string{"default": {"httpsProxy": p.url}})
	r.hjk("recreate", "x")
	if out := r.gets("get", proxied(t, mine.serve(t, "127.0.0.1"))); !strings.Contains(out, "by mine") || strings.Join(p.took(), " ") != "CONNECT x.proxied.test" {
		t.Errorf("through a proxy: %s", out)
	}
	r.sh("rm -r $HOME/.docker")
	r.hjk("recreate", "x")

	r.write(file, nobodys.pem)
	r.hjk("stop", "x")
	if out := r.gets("get", byNobody); !strings.Contains(out, "by nobody's") {
		t.Errorf("a file that changed counts from the next start: %s", out)
	}
	r.userConfig(getters)
	r.hjk("recreate", "x")
	if out, has := r.gets("get", byNobody), inside("ls /.headjack; env"); !strings.Contains(out, unknown) || strings.Contains(has, "certificates") {
		t.Errorf("without the setting: %s, inside are %s", out, has)
	}
	r.sh("NODE_EXTRA_CA_CERTS=" + file + " " + r.Bin + " recreate x")
	if out := r.gets("get", byNobody); !strings.Contains(out, "by nobody's") {
		t.Errorf("the host's NODE_EXTRA_CA_CERTS: %s", out)
	}

	r.repoConfig("certificates: [" + file + "]\n")
	r.fails("--allow-privileges", "run", "y", "--detach")
	r.repoConfig("")
	r.write(file, "no certificate\n")
	for text, want := range map[string]string{"certificates: [mine.pem]\n": "not an absolute path", "certificates: [~/none.pem]\n": "no such file", set: "has no certificate"} {
		r.userConfig(text)
		r.fails(want, "recreate", "x")
		r.fails(want, "build")
	}
	r.userConfig(getters)
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestCertificatesOfAnImage: what an image has in the place of its certificates neither holds up PID 1, which reads it as root, nor
// shows anybody else's files.
func TestCertificatesOfAnImage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mine := newAuthority(t, "mine")
	r.write(filepath.Join(r.Dir, "mine.pem"), mine.pem)
	at := mine.serve(t, r.gateway())
	r.userConfig("certificates: [~/mine.pem]\n" + getters)
	for name, step := range map[string]string{
		"a FIFO": "mkfifo $F", "root's own": "echo s3cret >/s; chmod 600 /s; ln -s /s $F", "a device": "ln -s /dev/zero $F", "zeros": "head -c 9000000 /dev/zero >$F", "a folder": "mkdir $F", "a loop": "ln -s $F $F",
	} {
		r.getter("RUN F=/etc/ssl/ca-bundle.pem; mkdir -p /etc/ssl; " + step + "\n")
		if out := r.gets("get", at); !strings.Contains(out, "by mine") {
			t.Errorf("%s: %s", name, out)
		}
		if got := r.docker("exec", r.x().Container.ID, "sh", "-c", "cat $SSL_CERT_FILE"); strings.Contains(got, "s3cret") || !strings.HasSuffix(got, strings.TrimSpace(mine.pem)) {
			t.Errorf("%s: the bundle is %s", name, got)
		}
		r.hjk("rm", "x", "--force", "--delete-branch")
	}
	r.nothingLeft("in the end")
}

// TestCertificatesOfBuilds: a RUN has the user's certificate authorities by the secrets ca and ca-extra, also in a build that an agent's
// save begins, which has no secret. A secret of the user's of that name is the user's.
func TestCertificatesOfBuilds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	mine, other := newAuthority(t, "mine"), newAuthority(t, "other")
	at := mine.serve(t, r.gateway())
	r.write(filepath.Join(r.Dir, "mine.pem"), mine.all)
	r.write(filepath.Join(r.Dir, "other.pem"), other.pem)
	step := func() string {
		return "RUN --mount=type=secret,id=ca,required=true SSL_CERT_FILE=/run/secrets/ca get " + at + " >/page; : " + rand.Text() +
			"\nRUN --mount=type=secret,id=ca-extra,target=/extra cat /extra >/copy; true\n"
	}
	r.userConfig("")
	r.getter(step())
	r.fails("secret ca", "build")
	r.userConfig("certificates: [~/mine.pem]\n")
	r.hjk("run", "x", "--image", filepath.Join(r.repo, "Dockerfile"), "--detach")
	image := r.x().Image.ID
	if got := r.cat(image, "/page") + "\n" + r.cat(image, "/copy"); got != "200 OK\nby mine\n"+strings.TrimSpace(mine.pem) {
		t.Errorf("asked for: %s", got)
	}
	e := r.edit(drive.Editor{})
	e.settled()
	r.getter(step())
	if got := r.cat(e.built("succeeded").Image, "/page"); got != "200 OK\nby mine" {
		t.Errorf("an agent's save: %s", got)
	}
	r.write(filepath.Join(r.Dir, "page"), "a secret of mine\n")
	r.userConfig("certificates: [~/mine.pem]\nbuild: {secrets: ['id=ca,src=" + r.Dir + "/page']}\n")
	e.refusedBuild("FROM hjk-test/busybox:1\nRUN --mount=type=secret,id=ca cat /run/secrets/ca; : "+rand.Text()+"\n", "it needs the secret ca")
	r.write("Dockerfile", "FROM hjk-test/busybox:1\nRUN --mount=type=secret,id=ca cat /run/secrets/ca >/page; : "+rand.Text()+"\n")
	e.built("failed")
	e.forgetBuilds()
	r.hjk("build", filepath.Join(r.repo, "Dockerfile"))
	if got := r.cat(e.built("succeeded").Image, "/page"); got != "a secret of mine" {
		t.Errorf("the user's own secret: %s", got)
	}
	must(t, e.Close())
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}

// TestEngineBehindAProxy: hjk-ls reaches an engine of a Docker context with certificates by the host's proxy, as the Docker CLI does.
func TestEngineBehindAProxy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.hjk("run", "x", "--detach")
	mine, p := newAuthority(t, "mine"), r.proxy()
	r.write(filepath.Join(r.Dir, "mine.pem"), mine.pem)
	socket := strings.TrimPrefix(r.Host, "unix://")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	relay := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	relay.Transport, relay.ErrorLog = &http.Transport{DialContext: dial}, log.New(io.Discard, "", 0)
	far := proxied(t, mine.serveBy(t, "127.0.0.1", relay))
	r.sh("docker context create far --docker host=tcp://" + strings.Trim(strings.TrimPrefix(far, "https:"), "/") + ",ca=$HOME/mine.pem")
	ps := "unset DOCKER_HOST; export DOCKER_CONTEXT=far HTTPS_PROXY="
	if out := r.sh(ps + p.url + "; docker ps -q"); out == "" || len(p.took()) == 0 {
		t.Errorf("the Docker CLI: %q", out)
	}
	if out := r.sh(ps + p.url + "; " + r.Bin + " ps"); !strings.Contains(out, "running") || len(p.took()) == 0 {
		t.Errorf("by the proxy: %s", out)
	}
	if out := r.sh(ps + "; " + r.Bin + " ps 2>&1 || true"); strings.Contains(out, "running") {
		t.Errorf("the control: without one: %s", out)
	}
	r.hjk("rm", "x", "--force")
	r.nothingLeft("in the end")
}
