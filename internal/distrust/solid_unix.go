//go:build unix

package distrust

import (
	"io/fs"
	"syscall"
)

// allocated is what a file takes on the disk.
func allocated(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return fi.Size()
}
