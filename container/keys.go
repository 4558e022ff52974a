package container

import (
	"bytes"
	"io"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// keys carry what is typed to a session, and between that answers to what its programs ask of their terminal. Nobody waits for
// a program that does not read: it may be stopped, and so may the helper that is to see the keys that detach.
type keys struct {
	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	queue   []byte
	over    bool // nothing is typed any more
	gone    bool // nothing is read any more

	last     byte // key, of typed alone
	at       time.Time
	detached func()
	left     atomic.Bool // the keys that detach were typed
}

const (
	maxTyped   = 1 << 20  // what a program has not read may be so much
	maxAnswers = 64 << 10 // beyond that, no answers are added
)

func newKeys(detached func()) *keys {
	k := &keys{detached: detached}
	k.changed = sync.NewCond(&k.mu)
	return k
}

// typed takes what a terminal sends, until its end or end.
func (k *keys) typed(r io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		seen := k.watch(buf[:n])
		k.mu.Lock()
		for len(k.queue) > maxTyped && !k.gone {
			k.changed.Wait()
		}
		k.queue = append(k.queue, seen...)
		k.over = err != nil
		gone := k.gone
		k.changed.Broadcast()
		k.mu.Unlock()
		if err != nil || gone {
			return
		}
	}
}

func (k *keys) answer(b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) < maxAnswers {
		k.queue = append(k.queue, b...)
		k.changed.Broadcast()
	}
}

// send writes to a session what there is, until all is over, or end.
func (k *keys) send(w io.Writer) {
	for {
		k.mu.Lock()
		for len(k.queue) == 0 && !k.over && !k.gone {
			k.changed.Wait()
		}
		b := k.queue
		k.queue = nil
		if k.gone || len(b) == 0 {
			k.mu.Unlock()
			return
		}
		k.changed.Broadcast()
		k.mu.Unlock()
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

func (k *keys) end() {
	k.mu.Lock()
	k.gone = true
	k.changed.Broadcast()
	k.mu.Unlock()
}

// Keys as terminals send them where a program wants them in a longer form: Ctrl-b, Ctrl-p and Ctrl-q. Whoever looks for those that
// detach, the helper, knows the short one.
//
// A key may come with those of other layouts, and the modifiers with a caps lock (64) and a num lock (128), which are no part of what
// is typed.
var (
	longCtrl = regexp.MustCompile(`\x1b\[(?:(?:\d+:\d*:)?(98|112|113)(?::\d+)*;(?:5|69|133|197)(?::1)?u|27;5;(98|112|113)~)`)
	released = regexp.MustCompile(`\x1b\[[\d:]+(?:;\d+:3)u|\x1b\[574[45]\d(?:;[\d:]+)?u`) // a key, and keys such as Ctrl alone
	longD    = regexp.MustCompile(`\x02\x1b\[(?:\d+:\d*:)?100(?::\d+)*(?:;(?:1|65|129|193)?(?::1)?(?:;[\d:]*)?)?u`)
)

const (
	ctrlB = 'b' & 0x1f
	ctrlP = 'p' & 0x1f
	ctrlQ = 'q' & 0x1f
)

var shortCtrl = map[string]byte{"98": ctrlB, "112": ctrlP, "113": ctrlQ}

func short(long []byte) []byte {
	m := longCtrl.FindSubmatch(long)
	return []byte{shortCtrl[string(m[1])+string(m[2])]}
}

// slowly is how much later than the helper this side forgets the first of two keys.
const slowly = 500 * time.Millisecond

// watch looks for the keys that detach, and gives b with them in their short form.
func (k *keys) watch(b []byte) []byte {
	if time.Since(k.at) > max(shim.KeepCtrlB, shim.KeepCtrlP)+slowly {
		k.last = 0
	}
	k.at = time.Now()
	b = longCtrl.ReplaceAllFunc(b, short)
	if k.last == ctrlB || k.last == ctrlP || bytes.ContainsAny(b, string([]byte{ctrlB, ctrlP})) {
		b = released.ReplaceAll(b, nil)
	}
	if k.last == ctrlB {
		b = longD.ReplaceAll(append([]byte{ctrlB}, b...), []byte{ctrlB, 'd'})[1:]
	} else {
		b = longD.ReplaceAll(b, []byte{ctrlB, 'd'})
	}
	for _, c := range b {
		if k.last == ctrlB && c == 'd' || k.last == ctrlP && c == ctrlQ {
			k.left.Store(true)
			k.detached()
		}
		if k.last == ctrlB && c == ctrlB { // a Ctrl-b that is meant
			c = 0
		}
		k.last = c
	}
	return b
}
