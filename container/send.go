package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// sendTimeout is above what the helper gives a program to read a text in.
const sendTimeout = 20 * time.Second

var errSendTimeout = fmt.Errorf("the helper in the container has not answered in %v; end all that runs there with: hjk-ls stop", sendTimeout)

// ErrOldHelper is that a container was made with a helper that does not know a request.
var ErrOldHelper = errors.New("the container was made by an older hjk-ls, whose helper does not know that")

// Send types a text into a session's terminal. pasted is whether the program got it in brackets, as one text. The text goes over the
// exec's standard input, so that it is in no record of the engine.
func (e *Engine) Send(ctx context.Context, id, user string, req shim.Send) (pasted bool, err error) {
	line, err := json.Marshal(req)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, sendTimeout, errSendTimeout)
	defer cancel()
	ans, err := e.run(ctx, id, user, append(line, '\n'), shim.Path, "session", "send")
	if err != nil {
		return false, fmt.Errorf("send to session %s: %w", req.Name, err)
	}
	if ans.code == helperUsage && ans.out == "" {
		return false, ErrOldHelper
	}
	reply, err := decodeReply(strings.NewReader(ans.out))
	if errors.Is(err, io.EOF) && ans.code != 0 {
		err = ans.failure()
	}
	if err != nil {
		return false, fmt.Errorf("send to session %s: %w", req.Name, err)
	}
	return reply.Pasted, nil
}

// helperUsage is the exit code of the helper for what it does not know.
const helperUsage = 2
