//go:build !linux

package distrust

import (
	"context"
	"os"
)

// RemoveAll deletes name and all that is below it, following no link. One that is gone already is no error.
func RemoveAll(_ context.Context, root *os.Root, name string) error { return root.RemoveAll(name) }
