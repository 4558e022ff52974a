package container

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
)

// InstallShim puts the helper for containers under stateDir, in a folder named after its content: running containers
// keep the one they were made with. It returns the file's path.
func InstallShim(stateDir, arch string, binary []byte) (string, error) {
	sum := sha256.Sum256(binary)
	dir := filepath.Join(stateDir, "shim", arch+"-"+hex.EncodeToString(sum[:6]))
	path := filepath.Join(dir, filepath.Base(shimFile))
	if fi, err := os.Stat(path); err == nil && fi.Size() == int64(len(binary)) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	_, werr := tmp.Write(binary)
	if err := errors.Join(werr, tmp.Chmod(0o755), tmp.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(tmp.Name(), path)
}

const shimFile = "hjk-shim"
