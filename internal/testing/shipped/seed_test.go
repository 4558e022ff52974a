package shipped

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// extend uses Dockerfiles of a user's own on top of the images, as the examples of docs/images.md do.
func (w *world) extend(t *testing.T) {
	w.config(t, "build:\n  secrets: [\"id=ca,src="+certificates+"\"]\n")
	defer w.config(t, "")
	w.write(t, "Dockerfile.dev", `FROM ghcr.io/gilmanlab/headjack:base
RUN apt-get update && apt-get install -y \
    libpq-dev \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=secret,id=ca,target=/run/ca.pem NODE_EXTRA_CA_CERTS=/run/ca.pem npm install -g pnpm
`)
	w.hjk(t, "run", "extended", "--image", "./Dockerfile.dev", "--detach")
	w.inside(t, "extended", "dpkg -s libpq-dev >/dev/null && pnpm --version && claude --version")
	w.remove(t, "extended")

	w.write(t, "Dockerfile.stages", `FROM ghcr.io/gilmanlab/headjack:base AS builder
RUN mkdir /app && echo 'int main(void) { return 42; }' | cc -x c -o /app/binary -

FROM ghcr.io/gilmanlab/headjack:base
COPY --from=builder /app/binary /usr/local/bin/
`)
	w.hjk(t, "run", "staged", "--image", "Dockerfile.stages", "--detach")
	if out := w.inside(t, "staged", "binary; echo $?"); strings.TrimSpace(out) != "42" {
		t.Errorf("binary: %s", out)
	}
	w.remove(t, "staged")

	w.write(t, "Dockerfile.service", "FROM ghcr.io/gilmanlab/headjack:systemd\nRUN touch /mine\n")
	w.hjk(t, "run", "service", "--image", "Dockerfile.service", "--detach", "--allow-privileges")
	if out := w.inside(t, "service", "ls /mine; cat /proc/1/comm"); out != "/mine\nsystemd\n" {
		t.Errorf("an image FROM systemd runs %s", out)
	}
	w.remove(t, "service")
}

// pushed builds an image, pushes it to a registry, and uses it from there: by tag, by digest, and below a Dockerfile.
func (w *world) pushed(t *testing.T) {
	host := w.registry(t)
	ref := host + "/team/project:latest"
	dir := t.TempDir()
	push := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+distribution+"\nRUN echo "+text+" >/version\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		w.must(t, dir, "env", "DOCKER_BUILDKIT=0", "docker", "build", "-q", "-t", ref, ".")
		w.must(t, dir, "docker", "push", "-q", ref)
		w.must(t, dir, "docker", "image", "rm", ref)
	}
	push("one")
	w.hjk(t, "run", "tagged", "--image", ref, "--detach")
	if out := w.inside(t, "tagged", "cat /version"); out != "one\n" {
		t.Errorf("the image from the registry has version %s", out)
	}
	pinned := strings.TrimSpace(w.must(t, w.repo, "docker", "image", "inspect", "-f", "{{index .RepoDigests 0}}", ref))
	push("two")
	until(t, `yes: in the registry`, time.Minute, func() (string, error) { return w.Hjk(w.repo, "images") })
	w.remove(t, "tagged")

	w.hjk(t, "run", "pinned", "--image", pinned, "--detach")
	if out := w.inside(t, "pinned", "cat /version"); out != "one\n" {
		t.Errorf("the pinned image has version %s", out)
	}
	w.remove(t, "pinned")

	w.write(t, "Dockerfile.pinned", "FROM "+pinned+"\nRUN cat /version >/was\n")
	w.hjk(t, "run", "below", "--image", "Dockerfile.pinned", "--detach")
	if out := w.inside(t, "below", "cat /was"); out != "one\n" {
		t.Errorf("FROM a digest has version %s", out)
	}
	w.remove(t, "below")
}
