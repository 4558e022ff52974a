package workspace

import (
	"errors"
	"os"
	"path/filepath"
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

// passing are the words of system errors that say nothing of an agent's objects, as git has them too.
var passing = []string{
	syscall.ENOSPC.Error(), syscall.EDQUOT.Error(), syscall.EIO.Error(), syscall.EROFS.Error(), syscall.ENOMEM.Error(), syscall.EAGAIN.Error(),
	syscall.EMFILE.Error(), syscall.ENFILE.Error(), syscall.EACCES.Error(), syscall.EPERM.Error(), "file exists",
}

// isTransient reports whether an error need not come again when nothing inside has changed.
func isTransient(err error) bool {
	var ge *GitError
	if errors.As(err, &ge) && ge.ExitCode < 0 { // killed
		return true
	}
	said := strings.ToLower(err.Error())
	for _, words := range passing {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}
