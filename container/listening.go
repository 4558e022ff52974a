package container

import (
	"encoding/json"
	"os"
	"slices"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// maxListening is far above what MaxListeners take.
const maxListening = 16 << 10

// Listening tells which ports are listened on in the running container whose run folder this is, the lowest first. It is what the
// helper wrote, or whoever can write there: numbers, which are taken as such.
func Listening(runDir string) []shim.Listener {
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return nil
	}
	defer root.Close()
	b, err := distrust.Read(root, shim.ListeningFile, maxListening)
	var all []shim.Listener
	if err != nil || json.Unmarshal(b, &all) != nil {
		return nil
	}
	all = slices.DeleteFunc(all, func(l shim.Listener) bool { return l.Port < 1 || l.Port > 65535 })
	slices.SortStableFunc(all, func(a, b shim.Listener) int { return a.Port - b.Port })
	all = slices.CompactFunc(all, func(a, b shim.Listener) bool { return a.Port == b.Port })
	return all[:min(len(all), shim.MaxListeners)]
}
