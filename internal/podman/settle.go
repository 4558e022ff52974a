// Package podman has what of Podman's ways container and images both have to know.
package podman

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
)

// mostAsked is how often Settle asks. On a busy engine a question meets a removal in one of some hundred cases.
const mostAsked = 8

// Settle asks a Podman again that stumbled over an image which somebody removed at the same moment: to list images, or to tell of one, it
// reads them one after the other, without a lock, and fails as a whole where one is gone by then.
func Settle[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for n := 1; ; n++ {
		res, err := ask()
		if err == nil || n == mostAsked || errdefs.IsNotFound(err) || !stumbled(err) {
			return res, err
		}
		select {
		case <-ctx.Done():
			return res, err
		case <-time.After(time.Duration(n) * 20 * time.Millisecond):
		}
	}
}

func stumbled(err error) bool {
	return slices.ContainsFunc([]string{": image not known", "reading image ", "locating item named"}, func(words string) bool {
		return strings.Contains(err.Error(), words)
	})
}
