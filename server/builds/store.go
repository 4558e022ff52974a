// Package builds remembers what was built of each Dockerfile, and builds again when what a build reads has changed.
package builds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gilmanlab/hjk-ls/images"
)

// Unit is one thing to build: a Dockerfile and a target. There is one build of it at a time, whoever asks.
type Unit struct {
	Source  images.Source
	Options images.BuildOptions // without a tag
	Tags    []string            // names of the result
	Repo    string
	Branch  string // for whom it is built; "" for nobody in particular
	Auto    bool   // it may be built without being asked for
	Idle    bool   // nobody works with it: neither an instance nor an open Dockerfile is in its folder
	All     bool   // all that a build reads begins one, not only what its environment is made from
	Saved   bool   // the build is because the user saved a file in an editor

	Environment string // what began the build, as images.NewEnvironment sums it; "" where that was all inputs, or somebody asked
}

// Key names a unit. Units of one Dockerfile share what comes before the dash.
func (u Unit) Key() string { return fileKey(u.Source.Dockerfile) + "-" + short(u.Options.Target) }

func fileKey(path string) string { return short(path) }

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// States of a Result.
const (
	Running   = "running"
	Succeeded = "succeeded"
	Failed    = "failed"
	Canceled  = "canceled"
)

// Result is how a build went, or goes.
type Result struct {
	ID    string `json:"id"`
	Input string `json:"input,omitempty"` // what images.Inputs sums; "" when nobody looked
	// Environment is what began the build, where that was a change of its environment alone: then another process need not build
	// because of the same change, whatever was written meanwhile into the folders that are copied.
	Environment string    `json:"environment,omitempty"`
	State       string    `json:"state"`
	Image       string    `json:"image,omitempty"` // id
	Branch      string    `json:"branch,omitempty"`
	StartedAt   time.Time `json:"startedAt"`
	DurationMS  int64     `json:"durationMs,omitempty"`
	Error       string    `json:"error,omitempty"`
	Refused     bool      `json:"refused,omitempty"` // it was canceled by a user: nobody is to build it instead
	Guarded     bool      `json:"guarded,omitempty"` // it was built as nobody had asked for it
	Failure     *Failure  `json:"failure,omitempty"`
}

// Answers reports whether the build is of what a unit is to be built of.
func (r Result) Answers(u Unit, input string) bool {
	if u.Environment != "" {
		return r.Environment == u.Environment
	}
	return r.Input == input
}

// Ended is when.
func (r Result) Ended() time.Time {
	return r.StartedAt.Add(time.Duration(r.DurationMS) * time.Millisecond)
}

// Failure is which instruction failed, and why.
type Failure struct {
	Line     int              `json:"line"`          // from 1, in the text that was built; 0 when unknown
	Text     string           `json:"text"`          // of the instruction, as dockerfile.Instruction has it; "" when unknown
	Raw      string           `json:"raw,omitempty"` // the line itself, of a Dockerfile that could not be understood
	Message  string           `json:"message"`
	ExitCode int              `json:"exitCode,omitempty"`
	Tail     string           `json:"tail,omitempty"`
	Related  []images.Related `json:"related,omitempty"`
}

// Record is what is known of a unit.
type Record struct {
	Dockerfile string        `json:"dockerfile"`
	Tags       []string      `json:"tags,omitempty"` // of the build that is going on
	Target     string        `json:"target,omitempty"`
	Latest     Result        `json:"latest"`
	Built      *Result       `json:"built,omitempty"`  // the last that succeeded
	Failed     *Result       `json:"failed,omitempty"` // the last that failed, until one succeeds
	Steps      []images.Step `json:"steps,omitempty"`  // of the instructions as they were last built
	Known      []Known       `json:"known,omitempty"`  // newest first
	Agreed     []string      `json:"agreed,omitempty"` // images.Agreement of what the user had built, newest first
}

// Known is an image that came of an input.
type Known struct {
	Input string        `json:"input"`
	Image string        `json:"image"`
	Steps []images.Step `json:"steps,omitempty"`

	Guarded bool `json:"guarded,omitempty"`
	Asked   bool `json:"asked,omitempty"` // somebody asked for its build, which may not be made otherwise
}

// maxAgreed is how many texts are remembered that the user has agreed to.
const maxAgreed = 16

// maxKnown is how many contents are remembered: enough to go back and forth between branches.
const maxKnown = 16

// Store keeps records and logs in a folder. Several processes may use it at once.
type Store struct {
	Dir string
	// Lock waits for an exclusive lock on a path, across processes, that ends with the process. Held reports whether
	// somebody has it.
	Lock func(ctx context.Context, path string) (unlock func(), err error)
	Held func(path string) bool

	seen sync.Map // by key: what Read read last
}

// seen is a record as it was in a file. Editors ask with every key that is typed.
type seen struct {
	file   os.FileInfo
	record Record
}

func (s *Store) path(key, ext string) string { return filepath.Join(s.Dir, key+ext) }

// Read is the record of a unit, the zero Record when there is none. A build that its process did not end counts as
// canceled.
func (s *Store) Read(key string) Record {
	r := s.known(key)
	if r.Latest.State == Running && !s.Held(s.path(key, ".lock")) {
		if r = s.read(key); r.Latest.State == Running { // it may have ended between the two looks
			r.Latest.State = Canceled
		}
	}
	return r
}

// known is a record to look at only: who changes one reads its own. A file is written once and then replaced.
func (s *Store) known(key string) Record {
	fi, err := os.Stat(s.path(key, ".json"))
	if err != nil {
		s.seen.Delete(key)
		return Record{}
	}
	if have, ok := s.seen.Load(key); ok {
		if was, ok := have.(seen); ok && os.SameFile(was.file, fi) && was.file.ModTime().Equal(fi.ModTime()) {
			return was.record
		}
	}
	r := s.read(key)
	s.seen.Store(key, seen{fi, r})
	return r
}

func (s *Store) read(key string) Record {
	var r Record
	b, err := os.ReadFile(s.path(key, ".json"))
	if err != nil || json.Unmarshal(b, &r) != nil {
		return Record{}
	}
	return r
}

// Of are the records of one Dockerfile, one a target, the last used first.
func (s *Store) Of(dockerfile string) []Record {
	var all []Record
	for _, key := range s.keys(fileKey(dockerfile) + "-") {
		if r := s.Read(key); r.Dockerfile == dockerfile {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Record) int { return b.Latest.StartedAt.Compare(a.Latest.StartedAt) })
	return all
}

// Kept are the ids of the images that a build may be answered from: of each unit the last and the one before, for who goes back and
// forth, and those that only somebody who asks can have built.
func (s *Store) Kept() map[string]bool {
	kept := map[string]bool{}
	for _, key := range s.keys("") {
		r := s.Read(key)
		last, before := "", ""
		if r.Built != nil {
			last = r.Built.Image
		}
		for _, k := range r.Known {
			if before == "" && k.Image != last {
				before = k.Image
			}
			if k.Asked {
				kept[k.Image] = true
			}
		}
		kept[last], kept[before] = true, true
	}
	return kept
}

// Building reports whether an image is being built for a tag.
func (s *Store) Building(tag string) bool {
	for _, key := range s.keys("") {
		if r := s.read(key); r.Latest.State == Running && slices.Contains(r.Tags, tag) && s.Held(s.path(key, ".lock")) {
			return true
		}
	}
	return false
}

func (s *Store) keys(prefix string) []string {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range entries {
		if key, ok := strings.CutSuffix(e.Name(), ".json"); ok && strings.HasPrefix(key, prefix) {
			all = append(all, key)
		}
	}
	return all
}

func (s *Store) write(key string, r Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.Dir, key+".tmp-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), s.path(key, ".json"))
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// Prune forgets the Dockerfiles that are gone, but for those that are being built.
func (s *Store) Prune() error {
	var failed error
	for _, key := range s.keys("") {
		r := s.read(key)
		if _, err := os.Lstat(r.Dockerfile); !errors.Is(err, fs.ErrNotExist) || s.Held(s.path(key, ".lock")) {
			continue
		}
		files, _ := filepath.Glob(filepath.Join(s.Dir, key+".*"))
		for _, f := range files {
			failed = errors.Join(failed, os.Remove(f))
		}
	}
	return failed
}

// KeyOf is the key of a file in the store's folder, "" for one that holds no record.
func (s *Store) KeyOf(path string) string {
	key, ok := strings.CutSuffix(filepath.Base(path), ".json")
	if !ok || filepath.Dir(path) != s.Dir {
		return ""
	}
	return key
}

// RecordFile is where the record of a unit is.
func (s *Store) RecordFile(key string) string { return s.path(key, ".json") }

// LogFile is where the log of a unit's last build is. Those before it have .1 and so on behind.
func (s *Store) LogFile(key string) string { return s.path(key, ".log") }

// oldLogs is how many logs are kept beside the last.
const oldLogs = 4

// rotate moves the logs on by one.
func (s *Store) rotate(key string) error {
	name := s.LogFile(key)
	for i := oldLogs; i > 0; i-- {
		from := fmt.Sprintf("%s.%d", name, i-1)
		if i == 1 {
			from = name
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", name, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
