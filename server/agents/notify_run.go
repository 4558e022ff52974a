package agents

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

const (
	// notifyTime is how long the command may take, and notifyLeave how long when its process is to end.
	notifyTime  = 10 * time.Second
	notifyLeave = 2 * time.Second
	// notifyOutput is how much of its output is logged.
	notifyOutput = 4 << 10
)

var errNotifyTime = errors.New("it took too long")

// notify runs the user's own command in their home, and gives the beginning of its output.
func notify(life context.Context, argv []string, home string, env []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(life), notifyTime, errNotifyTime)
	defer cancel()
	stop := context.AfterFunc(life, func() { time.AfterFunc(notifyLeave, cancel) })
	defer stop()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = home
	cmd.Env = append(os.Environ(), env...)
	system.OwnGroup(cmd)
	cmd.Cancel = func() error {
		system.KillGroup(cmd)
		return cmd.Process.Kill()
	}
	cmd.WaitDelay = time.Second // what it leaves in the background holds nobody up
	out := &beginning{most: notifyOutput}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return strings.TrimSpace(out.b.String()), err
}

// beginning keeps the beginning of what is written.
type beginning struct {
	b    strings.Builder
	most int
}

func (w *beginning) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), w.most-w.b.Len())])
	return len(p), nil
}
