package distrust

import (
	"fmt"
	"os"
)

// A file is hollow when it claims to hold this much more than it takes on the disk, and this many times as much: no file
// system packs real data so small.
const (
	hollowBytes = 1 << 30
	hollowTimes = 32
)

// Solid refuses a file that a copy would make much larger than it is: one that consists of holes. path is for the error.
func Solid(f *os.File, path string) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if on := allocated(fi); fi.Size()-on > hollowBytes && fi.Size()/hollowTimes > on {
		return fmt.Errorf("%s: %w (%d GB)", path, ErrHollow, (fi.Size()-on)>>30)
	}
	return nil
}
