package container

import (
	"errors"
	"testing"
)

// TestWhichEngine: a slow engine is waited for, a silent place only while no other is to be had.
func TestWhichEngine(t *testing.T) {
	engine := trial{alive: true, done: true, e: &Engine{}}
	slow, silent, failed := trial{alive: true}, trial{}, trial{done: true, err: errors.New("no")}
	for name, c := range map[string]struct {
		trials  []trial
		late    bool
		best    int
		decided bool
	}{
		"the first":                        {[]trial{engine, engine}, false, 0, true},
		"one behind what is none":          {[]trial{failed, engine}, false, 1, true},
		"a slow one is waited for":         {[]trial{slow, engine}, true, -1, false},
		"a silent one at first":            {[]trial{silent, engine}, false, -1, false},
		"a silent one no more when late":   {[]trial{silent, engine}, true, 1, true},
		"a slow one behind a silent one":   {[]trial{silent, slow, engine}, true, -1, false},
		"silent ones alone are waited for": {[]trial{silent, failed}, true, -1, false},
		"none":                             {[]trial{failed, failed}, false, -1, true},
	} {
		if best, decided := decide(c.trials, c.late); best != c.best || decided != c.decided {
			t.Errorf("%s: %d %v", name, best, decided)
		}
	}
}
