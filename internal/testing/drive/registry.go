package drive

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Registry is a real registry on loopback, which everybody may read and write.
type Registry struct {
	Host string // as references name it
	cmd  *exec.Cmd
}

// StartRegistry starts one that keeps what it holds in dir.
func StartRegistry(dir string) (*Registry, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	_ = l.Close()
	r := &Registry{Host: fmt.Sprintf("localhost:%d", addr.Port)}
	file := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", filepath.Join(dir, "data"), addr)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	r.cmd = exec.Command("docker-registry", "serve", file)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for range 300 {
		if res, err := http.Get("http://" + addr.String() + "/v2/"); err == nil {
			return r, res.Body.Close()
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.Stop()
	return nil, fmt.Errorf("the registry did not come up at %s", addr)
}

// Stop ends the registry. What it held stays in its folder.
func (r *Registry) Stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}
