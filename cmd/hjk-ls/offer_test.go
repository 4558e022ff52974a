package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/testing/drive"
)

// opened is an editor that answers whether what ran is to come back, and gives what it was asked.
func (r rig) opened(answer string) (*drive.Client, chan string) {
	r.Helper()
	asked := make(chan string, 8)
	c, err := r.ServeEditor(r.repo, drive.Editor{Asked: func(method string, params json.RawMessage) any {
		if method != "window/showMessageRequest" {
			return nil
		}
		asked <- string(params)
		return map[string]string{"title": answer}
	}})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Kill)
	return c, asked
}

// TestEditorOffersToBringBack asks in the first editor that opens after a container was killed, once, and never after stop.
func TestEditorOffersToBringBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.userConfig(strings.Replace(talkers, "fragile: {command: [fragile]}", "", 1))
	silent := func(why string) {
		t.Helper()
		c, asked := r.opened("Bring back")
		select {
		case q := <-asked:
			t.Errorf("%s: asked %s", why, q)
		case <-time.After(2 * time.Second):
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	ask := func(answer string) {
		t.Helper()
		_, asked := r.opened(answer)
		select {
		case q := <-asked:
			if !strings.Contains(q, "Agents ran on x when the container ended") {
				t.Error(q)
			}
		case <-time.After(patience):
			t.Fatal("no question came")
		}
	}
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "talker", "--detach")
	r.hjk("stop", "x")
	silent("after stop")
	r.hjk("start", "x")
	silent("while it runs")

	r.docker("kill", r.x().Container.Name)
	ask("Not now")
	silent("once it was asked")
	if now := r.x(); now.State != "stopped" {
		t.Fatalf("nobody said yes, and it is %s", now.State)
	}

	r.hjk("start", "x")
	r.docker("kill", r.x().Container.Name)
	ask("Bring back")
	r.eventually("talker comes back", func() bool {
		log, _ := r.Hjk(r.repo, "logs", "x", "talker")
		return r.x().State == "running" && strings.Contains(log, "started-again")
	})
	silent("when it came back")
}
