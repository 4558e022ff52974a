// Package embed carries the helper's binaries for the engines' architectures. `make build` puts them here.
package embed

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed all:bin
var files embed.FS

// ErrNotBuilt means that this hjk-ls was built without the helper.
var ErrNotBuilt = errors.New("the helper is not built in; build hjk-ls with: make build")

// Binary is the helper for linux on arch (amd64 or arm64).
func Binary(arch string) ([]byte, error) {
	arch = goArch(arch)
	b, err := files.ReadFile("bin/hjk-shim-linux-" + arch)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("linux/%s: %w", arch, ErrNotBuilt)
	}
	return b, err
}

// goArch is an architecture as Go names it.
func goArch(arch string) string {
	switch arch {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return arch
}
