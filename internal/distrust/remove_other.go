//go:build !linux

package distrust

import (
	"context"
	"errors"
	"os"
)

// RemoveAll deletes name and all that is below it, following no link. A folder that its owner may not change is made changeable
// first. One that is gone already is no error.
func RemoveAll(ctx context.Context, root *os.Root, name string) error {
	if root.RemoveAll(name) == nil {
		return nil
	}
	return errors.Join(Mend(ctx, root, name), root.RemoveAll(name))
}
