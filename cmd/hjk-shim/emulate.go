package main

import "time"

const (
	// maxUnseen is how far the emulator may be behind the program before the program waits for it.
	maxUnseen = 1 << 20
	// maxShown is how much of the alternate screen's output is shown at once.
	maxShown = 64 << 10
	// maxRest bounds how long the emulator lets output gather.
	maxRest = 100 * time.Millisecond
)

// keepUp gives the emulator what it has not got. It may take a fifth of the time: in a flood most of what gathers meanwhile need
// not be shown at all, while the answer to a query, and the screen of a program that pauses, are there at once.
func (s *screen) keepUp() {
	for {
		select {
		case <-s.done:
			return
		case <-s.wake:
		}
		begin := time.Now()
		s.mu.Lock()
		s.catchUp()
		s.mu.Unlock()
		time.Sleep(min(4*time.Since(begin), maxRest))
	}
}

// catchUp shows all output on the emulator. s.mu is held.
func (s *screen) catchUp() {
	for b := s.unseen; len(b) > 0; {
		n := len(b)
		if s.em.IsAltScreen() {
			n = min(n, maxShown)
		}
		s.digest(func() { _, _ = s.em.Write(s.skim.skim(b[:n], s.em.Width(), s.em.Height())) })
		s.forget(n)
		b = b[n:]
	}
	if s.unseen = s.unseen[:0]; cap(s.unseen) > maxKept {
		s.unseen = nil
	}
}

// maxKept is how much memory stays with a session that has been loud once.
const maxKept = 64 << 10

// feed shows output on the emulator as it is.
func (s *screen) feed(b []byte) { s.digest(func() { _, _ = s.em.Write(b) }) }

// digest shows something on the emulator. What cannot be digested must not end the session: the emulator starts afresh.
func (s *screen) digest(show func()) {
	defer func() {
		if recover() != nil {
			s.renew(s.em.Width(), s.em.Height())
		}
	}()
	show()
}

// forget drops the lines that scrolled off the alternate screen, of which the emulator keeps ten thousand and cannot be told
// to keep fewer: erasing the screen with them is what it can do, so the screen is written again. n is how much was shown.
func (s *screen) forget(n int) {
	if !s.em.IsAltScreen() {
		s.scrolled = 0
		return
	}
	if s.scrolled += n; s.scrolled < maxShown || !s.skim.ground() {
		return
	}
	s.scrolled = 0
	again := s.copied()
	s.feed([]byte("\x1b[3J"))
	for _, write := range again {
		write()
	}
}

// copied writes each character of the screen again.
func (s *screen) copied() (all []func()) {
	for y := range s.em.Height() {
		for x := 0; x < s.em.Width(); {
			c := s.em.CellAt(x, y)
			if c == nil {
				x++
				continue
			}
			at, c := x, c.Clone()
			all = append(all, func() { s.em.SetCell(at, y, c) })
			x += max(c.Width, 1)
		}
	}
	return all
}
