package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// isVolume reports whether a home that is held is the volume that was mounted for it. The image says where the home is, and may
// have links on the way there: to the worktree, which is mounted over that volume then.
func isVolume(home string, held *os.Root) bool {
	real, err := filepath.EvalSymlinks(home)
	if err != nil {
		return false
	}
	if real == filepath.Clean(home) { // the engine mounts nothing else on the very same path
		return true
	}
	f, err := held.Open(".")
	if err != nil {
		return false
	}
	defer f.Close()
	at, id := mountsAt(real), ""
	eachLine(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()), func(line string) {
		if v, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			id = strings.TrimSpace(v)
		}
	})
	return len(at) == 1 && at[0] == id
}

var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountsAt are the numbers of the mounts on a path, also of those that others cover (proc_pid_mountinfo(5)).
func mountsAt(path string) (ids []string) {
	eachLine("/proc/self/mountinfo", func(line string) {
		if f := strings.Fields(line); len(f) > 4 && mountEscapes.Replace(f[4]) == path {
			ids = append(ids, f[0])
		}
	})
	return ids
}

func eachLine(file string, visit func(string)) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		visit(sc.Text())
	}
}
