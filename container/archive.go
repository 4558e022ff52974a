package container

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
)

// Archive gives f a tar archive of a folder in a container, running or not, with the folder's name as the first part of each name.
// found is false where there is no such folder. What is in it is the container's to write.
func (e *Engine) Archive(ctx context.Context, id, path string, f func(io.Reader) error) (found bool, err error) {
	c, err := e.inspect(ctx, id)
	if err != nil {
		return false, err
	}
	if c.HostConfig != nil {
		for dir := range c.HostConfig.Tmpfs {
			if strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/") {
				return false, fmt.Errorf("it is in %s, which is in the container's memory", dir)
			}
		}
	}
	err = e.call(ctx, func(ctx context.Context) error {
		r, stat, err := e.api.CopyFromContainer(ctx, id, path)
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer r.Close()
		if found = true; !stat.Mode.IsDir() {
			return fmt.Errorf("%s is no folder", path)
		}
		return f(r)
	})
	return found, err
}
