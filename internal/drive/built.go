package drive

import (
	"errors"
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
	size int64
}

// putCommand puts the built hjk-ls at path.
func putCommand(path string) error {
	built.Lock()
	defer built.Unlock()
	if built.file == nil {
		return buildCommand(path)
	}
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(built.file, 0, built.size))
	return errors.Join(err, to.Close())
}

func buildCommand(path string) error {
	cmd := exec.Command("go", "build", "-o", path, "github.com/gilmanlab/hjk-ls/cmd/hjk-ls")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build hjk-ls: %w: %s", err, out)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	built.file, built.size = f, fi.Size()
	return nil
}
