package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	mebibyte   = 1 << 20
	pollPeriod = 500 * time.Millisecond // the quiet time of docker compose watch
)

// contexts are those that a save is measured in: their files, and the size of each.
var contexts = []struct {
	name   string
	files  int
	size   int
	rounds int
}{
	{"5 files", 5, 1, rounds},
	{"20,000 files", 20000, 1, rounds},
	{"1 GiB", 64, 16 * mebibyte, 5},
}

// saves measures from the save of a file to the new image, with a context that the engine has.
func (b *bench) saves() error {
	for _, c := range contexts {
		if err := b.save(c.name, c.files, c.size, c.rounds); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) save(name string, files, size, n int) error {
	ours, raw := "", ""
	for _, dir := range []*string{&ours, &raw} { // one each: the server builds what the other side changes, too
		var err error
		if *dir, err = b.newRepo(fmt.Sprintf("save%d-%d", files, len(ours)), 3, "FROM "+image+"\nCOPY data /data\nCOPY src /src\n"); err != nil {
			return err
		}
		if err := fill(filepath.Join(*dir, "data"), files, size); err != nil {
			return err
		}
	}
	built := make(chan struct{}, 16)
	c, err := b.serve(ours, func(method string, params json.RawMessage) {
		if method == "hjk/build" && strings.Contains(string(params), `"succeeded"`) {
			built <- struct{}{}
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := errors.Join(followAll(ours), c.open(filepath.Join(ours, "Dockerfile"))); err != nil {
		return err
	}
	docker := func() error { return b.sh(raw, "docker", "build", "-q", "-t", "raw-save", ".") }
	if err := errors.Join(c.command("hjk-ls.build", "{}"), docker()); err != nil {
		return err
	}
	<-built
	time.Sleep(5 * time.Second) // the server has looked at all of it, as it has when somebody works
	saved := func(round string) func(int) error {
		return func(i int) error {
			if err := change(ours, round, i); err != nil {
				return err
			}
			select {
			case <-built:
				return nil
			case <-time.After(time.Minute):
				return errors.New("nothing was built")
			}
		}
	}
	err = b.compare("save to new image, "+name+" / `docker build`", "1.0", n, saved("a"), func(i int) error {
		return errors.Join(change(raw, "a", i), docker())
	})
	if err != nil {
		return err
	}
	return b.compare("save to new image, "+name+" / looking every 500 ms, then `docker build`", "0.6", n, saved("b"), func(i int) error {
		before, err := newest(raw)
		if err != nil {
			return err
		}
		// The save comes at some time between two looks.
		timer := time.AfterFunc(time.Duration(i*97%500)*time.Millisecond, func() { _ = change(raw, "b", i) })
		defer timer.Stop()
		for now := before; !now.After(before); {
			time.Sleep(pollPeriod)
			if now, err = newest(raw); err != nil {
				return err
			}
		}
		return docker()
	})
}

// fill makes files of one size each.
func fill(dir string, files, size int) error {
	content := make([]byte, size)
	for i := range files {
		path := filepath.Join(dir, fmt.Sprint(i/500), fmt.Sprint(i))
		copy(content, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

func change(dir, round string, i int) error {
	return os.WriteFile(filepath.Join(dir, "src", "0", "f1"), []byte(round+fmt.Sprint(i)), 0o644)
}

// newest is when a file of a folder was last changed, as who looks again and again finds it out.
func newest(dir string) (time.Time, error) {
	var last time.Time
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err == nil && fi.ModTime().After(last) {
			last = fi.ModTime()
		}
		return err
	})
	return last, err
}

// followAll has folders that are copied begin a build, too.
func followAll(dir string) error {
	return os.WriteFile(filepath.Join(dir, ".headjack.yaml"), []byte("build: {on: inputs}\n"), 0o600)
}
