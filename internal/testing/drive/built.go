package drive

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// built is the command as the first rig of this process got it. Linking takes seconds, and a test run has hundreds of rigs. The
// file is held open, so that it outlives that rig's folder, and nothing is left behind.
var built struct {
	sync.Mutex
	file *os.File
}

// putCommand puts the built hjk-ls at path.
func putCommand(path string) error {
	built.Lock()
	defer built.Unlock()
	if built.file == nil {
		return buildCommand(path)
	}
	// Another process writes the copy: a file that this one had open for writing might be another child's by now, and could not
	// be executed ("text file busy").
	cmd := exec.Command("cp", "/dev/fd/3", path)
	cmd.ExtraFiles = []*os.File{built.file}
	if _, err := built.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy hjk-ls: %w: %s", err, out)
	}
	return os.Chmod(path, 0o755)
}

// buildCommand builds hjk-ls, or takes the one that scripts/with-user built for its user, who has no cache to build with.
func buildCommand(path string) error {
	cmd := exec.Command("go", "build", "-o", path, "github.com/gilmanlab/hjk-ls/cmd/hjk-ls")
	if is := os.Getenv("HJK_TEST_BIN"); is != "" {
		cmd = exec.Command("install", "-D", is, path)
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build hjk-ls: %w: %s", err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	built.file = f
	return nil
}
