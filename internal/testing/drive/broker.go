package drive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Ask is what an ordinary user's tests ask of internal/testing/broker, which runs as root.
type Ask struct {
	Verb string   // of scripts/engine, or "images" for the tests' images, or "tmpfs" for a small file system
	Dir  string   // the engine's, or where the file system is to be
	Env  []string `json:",omitempty"` // for scripts/engine
	Size string   `json:",omitempty"` // of the file system
}

// brokered is the folder of the broker, empty where the tests run as root and need none.
func brokered() string {
	if os.Getuid() == 0 {
		return ""
	}
	return os.Getenv("HJK_TEST_BROKER")
}

func (a Ask) send(broker string) error {
	c, err := net.Dial("unix", filepath.Join(broker, "broker"))
	if err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	defer func() { _ = c.Close() }()
	if err := json.NewEncoder(c).Encode(a); err != nil {
		return fmt.Errorf("ask the broker: %w", err)
	}
	text, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the broker did not answer: %w", err)
	}
	if text = strings.TrimSpace(text); text != "" {
		return errors.New("the broker: " + text)
	}
	return nil
}

// Engineer does, as root, what is asked about an engine.
func Engineer(a Ask) error {
	root, err := Source()
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(root, "scripts", "engine"), a.Verb, a.Dir)
	if a.Verb == "images" {
		cmd = exec.Command(filepath.Join(root, "scripts", "test-images"))
	}
	cmd.Env = append(append(os.Environ(), "HJK_TEST_DOCKER_HOST=unix://"+filepath.Join(a.Dir, "docker.sock")), a.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("engine %s: %w: %s", a.Verb, err, out)
	}
	return nil
}

// Tmpfs mounts a file system that is soon full on a folder, and gives what unmounts it.
func Tmpfs(dir, size string) (undo func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if broker := brokered(); broker != "" {
		return func() { _ = Ask{Verb: "umount", Dir: dir}.send(broker) }, Ask{Verb: "tmpfs", Dir: dir, Size: size}.send(broker)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w: %s", err, out)
	}
	return func() { _ = exec.Command("umount", "-l", dir).Run() }, nil
}
