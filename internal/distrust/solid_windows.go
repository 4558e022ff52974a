package distrust

import "io/fs"

// allocated is what a file takes on the disk.
func allocated(fi fs.FileInfo) int64 { return fi.Size() }
