package agents

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/images"
)

// ledger remembers which images hjk-ls brought into an engine, so that a prune leaves the user's own alone: the engine
// cannot be asked that, and a label would travel with the image. Who loses it loses only that some images are not
// offered for removal.
type ledger struct{ path string }

// broughtIn is one image in an engine.
type broughtIn struct {
	Engine string      `json:"engine"` // its address
	ID     string      `json:"id"`
	Ref    string      `json:"ref,omitempty"` // that was pulled; "" was built
	Kind   images.Kind `json:"kind"`
	At     time.Time   `json:"at"`
}

func (m *Manager) ledger() ledger { return ledger{filepath.Join(m.opts.StateDir, "images.json")} }

func (l ledger) read() []broughtIn {
	var all []broughtIn
	b, err := os.ReadFile(l.path)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return all
}

// change rewrites the ledger under its lock. f gives what is to stand in it.
func (l ledger) change(ctx context.Context, f func([]broughtIn) []broughtIn) error {
	lock, err := lockExclusive(ctx, l.path+".lock")
	if err != nil {
		return err
	}
	defer lock.unlock()
	b, err := json.MarshalIndent(f(l.read()), "", "  ")
	if err != nil {
		return err
	}
	tmp := l.path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, l.path)
}

// ledgerSize bounds the ledger, which every build reads: the oldest entries go first.
const ledgerSize = 2000

// note adds an image, once.
func (l ledger) note(ctx context.Context, n broughtIn) error {
	for _, have := range l.read() {
		if have.Engine == n.Engine && have.ID == n.ID && have.Ref == n.Ref {
			return nil
		}
	}
	return l.change(ctx, func(all []broughtIn) []broughtIn {
		all = append(all, n)
		return all[max(0, len(all)-ledgerSize):]
	})
}

// broughtIn remembers an image that this process pulled or built. It happens beside the work that it is for, whose
// outcome does not hang on it.
func (m *Manager) broughtIn(ctx context.Context, eng *engine, img images.Image, ref string) {
	n := broughtIn{Engine: eng.Info().Host, ID: img.ID, Ref: ref, Kind: img.Source.Kind, At: time.Now().UTC()}
	if err := m.ledger().note(context.WithoutCancel(ctx), n); err != nil {
		m.log.Warn("cannot remember where an image came from; prune will leave it", zap.String("image", img.Ref), zap.Error(err))
	}
}
