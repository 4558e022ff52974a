package main

import (
	"io"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

const (
	ctrlB = 'b' & 0x1f
	ctrlP = 'p' & 0x1f
	ctrlQ = 'q' & 0x1f
)

// detacher finds the keys that detach: Ctrl-b d, as in tmux, and Ctrl-p Ctrl-q, as in docker. A first key that is followed by
// another, or by none in a while, is passed on. Ctrl-b Ctrl-b sends one Ctrl-b.
type detacher struct{ prefix byte }

func (d *detacher) filter(in []byte) (pass []byte, detached bool) {
	for _, b := range in {
		p := d.prefix
		d.prefix = 0
		switch {
		case p == ctrlB && b == 'd', p == ctrlP && b == ctrlQ:
			return pass, true
		case p == ctrlB && b == ctrlB:
			pass = append(pass, b)
			continue
		case p != 0:
			pass = append(pass, p)
		}
		if b == ctrlB || b == ctrlP {
			d.prefix = b
			continue
		}
		pass = append(pass, b)
	}
	return pass, false
}

// patience is how long a first key is kept back: what it does in a program should not seem to be lost.
func (d *detacher) patience() time.Duration {
	switch d.prefix {
	case ctrlB:
		return shim.KeepCtrlB
	case ctrlP:
		return shim.KeepCtrlP
	}
	return 1 << 62
}

// release gives up the first key, which no other followed.
func (d *detacher) release() []byte {
	p := d.prefix
	d.prefix = 0
	if p == 0 {
		return nil
	}
	return []byte{p}
}

// keys sends what is typed, until a detach sequence or the end of input.
func (w *frameWriter) keys(in io.Reader) int {
	var d detacher
	typed := make(chan []byte)
	go read(in, typed)
	for {
		var pass []byte
		wait := time.NewTimer(d.patience())
		select {
		case <-wait.C:
			pass = d.release()
		case b, ok := <-typed:
			detached := false
			pass, detached = d.filter(b)
			if detached || !ok {
				w.write(frameData, pass)
				return shim.ExitDetached
			}
		}
		wait.Stop()
		if len(pass) > 0 {
			w.write(frameData, pass)
		}
	}
}

// read gives what comes until the end. Nobody takes the last of it when the attach is over, and this process ends then.
func read(in io.Reader, typed chan<- []byte) {
	defer close(typed)
	for {
		buf := make([]byte, 4096)
		n, err := in.Read(buf)
		if n > 0 {
			typed <- buf[:n]
		}
		if err != nil {
			return
		}
	}
}
