package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gilmanlab/hjk-ls/container/screen"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// ErrNoLog means that a session has no log.
var ErrNoLog = errors.New("no output was kept")

// maxLogRead bounds what one Log reads; the helper keeps no more than that.
const maxLogRead = 2 * shim.MaxLogBytes

// Log is the newest output of a session as text, as its terminal showed it: the last tail lines; negative is all.
func Log(runDir, session string, tail int) (string, error) {
	if !sessionName.MatchString(session) {
		return "", fmt.Errorf("session %q: %w", session, ErrNoLog)
	}
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return "", fmt.Errorf("session %q: %w: %w", session, ErrNoLog, err)
	}
	defer root.Close()
	var all bytes.Buffer
	for _, file := range []string{shim.OldLogFile, shim.LogFile} {
		if err := appendFile(&all, root, filepath.Join(shim.SessionsDir, session, file)); err != nil {
			return "", fmt.Errorf("session %q: %w", session, err)
		}
	}
	return LastLines(Plain(all.Bytes()), tail), nil
}

func appendFile(b *bytes.Buffer, root *os.Root, name string) error {
	f, err := distrust.Open(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(b, io.LimitReader(f, maxLogRead))
	return err
}

// LastLines keeps the last n lines; a last line without its newline, such as a prompt, is one.
func LastLines(text string, n int) string {
	if n < 0 {
		return text
	}
	if n == 0 {
		return ""
	}
	i := len(text)
	if i > 0 && text[i-1] == '\n' {
		i--
	}
	for ; i > 0; i-- {
		if text[i-1] == '\n' {
			if n--; n == 0 {
				break
			}
		}
	}
	return text[i:]
}

// followPoll is how often a followed log is looked at: it changes on the other side of a shared folder, where file
// events do not always arrive.
const followPoll = 100 * time.Millisecond

// FollowLog writes a session's output to w, beginning with the last tail lines, until the session has ended and all
// is written, or ctx is done. Lines come when they are final, see [screen.Follower].
func FollowLog(ctx context.Context, runDir, session string, tail int, w io.Writer) error {
	if !sessionName.MatchString(session) {
		return fmt.Errorf("session %q: %w", session, ErrNoLog)
	}
	root, err := os.OpenRoot(runDir)
	if err != nil {
		return fmt.Errorf("session %q: %w: %w", session, ErrNoLog, err)
	}
	defer root.Close()
	f := follower{root: root, session: session, w: w}
	defer f.close()
	if err := f.begin(tail); err != nil {
		return err
	}
	for {
		st, ok := readState(root, session)
		ended := !ok || st.State != "running"
		if err := f.copy(); err != nil || ended {
			return errors.Join(err, f.flush())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPoll):
		}
	}
}

// follower reads a log that grows and is rotated.
type follower struct {
	root    *os.Root
	session string
	w       io.Writer
	file    *os.File
	screen  *screen.Follower
}

func (f *follower) path() string { return filepath.Join(shim.SessionsDir, f.session, shim.LogFile) }

// begin writes the last tail lines and stays in the file where they ended.
func (f *follower) begin(tail int) error {
	var all bytes.Buffer
	if err := appendFile(&all, f.root, filepath.Join(shim.SessionsDir, f.session, shim.OldLogFile)); err != nil {
		return err
	}
	if file, err := distrust.Open(f.root, f.path()); err == nil {
		f.file = file
		if _, err := io.Copy(&all, io.LimitReader(file, maxLogRead)); err != nil {
			return err
		}
	}
	var text string
	f.screen, text = screen.NewFollower(all.Bytes())
	_, err := io.WriteString(f.w, LastLines(text, tail))
	return err
}

// copy writes what is new. When the log was rotated, the old file is read to its end first.
func (f *follower) copy() error {
	for {
		if f.file != nil {
			if err := f.drain(); err != nil {
				return err
			}
		}
		next, err := distrust.Open(f.root, f.path())
		if err != nil {
			return nil
		}
		if f.file != nil && sameFile(f.file, next) {
			return next.Close()
		}
		f.close()
		f.file = next
	}
}

func (f *follower) drain() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := f.file.Read(buf)
		if n > 0 {
			if _, werr := f.w.Write(f.screen.Write(buf[:n])); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *follower) flush() error {
	_, err := f.w.Write(f.screen.Rest())
	return err
}

func (f *follower) close() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

func sameFile(a, b *os.File) bool {
	x, err := a.Stat()
	if err != nil {
		return false
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y)
}
