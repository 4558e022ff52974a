package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// loadBytes is what is fetched through a forward and a published port.
const loadBytes = 256 << 20

// forward measures how fast a server inside is read, by a forward and by the port that it is published at.
func (b *bench) forward() error {
	dir, err := b.newRepo("forward", 3, "")
	if err != nil {
		return err
	}
	script := fmt.Sprintf("mkdir /tmp/w && head -c %d /dev/zero >/tmp/w/load && exec busybox httpd -f -p 3000 -h /tmp/w", loadBytes)
	conf := fmt.Sprintf("ports: [3000]\nagents: {web: {command: [sh, -c, %q]}}\n", script)
	if err := os.WriteFile(filepath.Join(dir, ".headjack.yaml"), []byte(conf), 0o644); err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	var made agents.RunResult
	run := fmt.Sprintf(`{"branch":"web","image":%q,"agent":"web","allowPrivileges":true}`, image)
	if err := c.Command("hjk-ls.run", json.RawMessage(run), &made); err != nil {
		return err
	}
	defer func() { _ = c.command("hjk-ls.remove", `{"branch":"web","force":true}`) }()
	var led agents.ForwardResult
	if err := c.Command("hjk-ls.forward", json.RawMessage(`{"branch":"web","port":3000}`), &led); err != nil {
		return err
	}
	published := made.Instance.Ports[0].URL
	for range 100 { // until the server is there
		if err = fetch(published, loadBytes); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	return b.compare("256 MiB by a forward / by a published port (1.25 is 0.8 of its throughput)", "1.25", rounds,
		func(int) error { return fetch(led.URL, loadBytes) },
		func(int) error { return fetch(published, loadBytes) })
}

// fetch reads a file of a server whole, over a connection of its own.
func fetch(url string, want int64) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url + "load")
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.Copy(io.Discard, res.Body)
	if err == nil && got != want {
		err = fmt.Errorf("%s has %d bytes, not %d", url, got, want)
	}
	return err
}
