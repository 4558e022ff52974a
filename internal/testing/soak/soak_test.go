//go:build linux

package main

import (
	"os"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/rounds"
)

// TestSoak is the first rounds of one soak; `make soak` does half an hour of any.
func TestSoak(t *testing.T) {
	if err := soak(rounds.Game{Seed: 1, Duration: 10 * time.Minute, Rounds: 10, Log: os.Stdout}); err != nil {
		t.Fatal(err)
	}
}
