package main

import (
	"os"
	"testing"
	"time"
)

// TestSoak is the first rounds of one soak; `make soak` does half an hour of any.
func TestSoak(t *testing.T) {
	if err := soak(1, 10*time.Minute, 10, os.Stdout); err != nil {
		t.Fatal(err)
	}
}
