package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A sync that did not bring everything over is tried again although no reference has changed: soon where what failed need not
// fail again, and then in proportion to what it cost; seldom for anything else, as nobody knows every reason.
const (
	retrySoon = time.Second
	retryLate = 5 * time.Minute
	retryCost = 10 // how many times as long as a try took the next one is waited for
)

// duePath is a file whose time is that of the next try.
func (p *Private) duePath() string { return filepath.Join(p.dir, "retry") }

// due reports whether a try is due.
func (p *Private) due(now time.Time) bool {
	fi, err := os.Lstat(p.duePath())
	return err == nil && !fi.ModTime().After(now)
}

// retry sets when the next try is due.
func (s *syncing) retry(began time.Time) {
	if s.st.Report.State != Held {
		_ = os.Remove(s.duePath())
		return
	}
	after := retryLate
	if s.failing {
		after = min(max(retrySoon, retryCost*time.Since(began)), retryLate)
	}
	at := time.Now().Add(after)
	f, err := os.OpenFile(s.duePath(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), os.Chtimes(s.duePath(), at, at))
	}
	if err != nil { // the disk may be full
		s.again = true
		s.st.Stamp = ""
	}
}

// passing are the errors of the system that say nothing of an agent's objects.
var passing = []syscall.Errno{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM,
}

// isTransient reports whether an error need not come again when nothing inside has changed.
func isTransient(err error) bool {
	var ge *GitError
	if !errors.As(err, &ge) {
		return slices.ContainsFunc(passing, func(e syscall.Errno) bool { return errors.Is(err, e) })
	}
	return ge.ExitCode < 0 || isLocked(err) || // killed, or in another's way
		slices.ContainsFunc(passing, func(e syscall.Errno) bool { return strings.Contains(strings.ToLower(ge.Stderr), e.Error()) })
}
