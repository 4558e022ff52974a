package agents

import (
	"fmt"
	"path/filepath"
	"testing"
)

// The ledger has each image once, and forgets the oldest.
func TestLedger(t *testing.T) {
	l := ledger{filepath.Join(t.TempDir(), "images.json")}
	err := l.change(t.Context(), func(all []broughtIn) []broughtIn {
		for n := range ledgerSize {
			all = append(all, broughtIn{Engine: "e", ID: fmt.Sprint(n)})
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.note(t.Context(), broughtIn{Engine: "e", ID: "new"}); err != nil {
			t.Fatal(err)
		}
	}
	all := l.read()
	if len(all) != ledgerSize || all[0].ID != "1" || all[len(all)-1].ID != "new" {
		t.Errorf("%d entries, from %+v to %+v", len(all), all[0], all[len(all)-1])
	}
}
