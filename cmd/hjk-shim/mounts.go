package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// mountsMain reads mounts, as one JSON value, and answers whether the container has them.
func mountsMain(in io.Reader, out io.Writer) int {
	var want []shim.Mount
	if err := json.NewDecoder(io.LimitReader(in, maxRequest)).Decode(&want); err != nil {
		return reply(out, replyOf(shim.State{}, &failure{shim.CodeBadRequest, "mounts: " + err.Error()}))
	}
	return reply(out, replyOf(shim.State{}, checkMounts(want)))
}

// checkMounts looks whether everything is mounted that should be. The engine resolves a mount's source by its path, when it
// starts the container: who could write along that path may have led it elsewhere. Nothing of the agent's runs yet.
func checkMounts(want []shim.Mount) error {
	if len(want) == 0 {
		return nil
	}
	points, err := mountPoints()
	if err != nil {
		return &failure{shim.CodeMounts, "what is mounted cannot be read: " + err.Error()}
	}
	numbers := sameNumbers(want)
	for _, m := range want {
		if why := wrong(m, points, numbers); why != "" {
			return &failure{shim.CodeMounts, m.Target + " " + why}
		}
	}
	return nil
}

// sameNumbers reports whether files have the numbers here that they have on the host. Where the engine is in a virtual machine
// they do not. The helper's own folder tells: no agent can write along its path.
func sameNumbers(want []shim.Mount) bool {
	for _, m := range want {
		if m.Target == shim.BinDir {
			dev, ino, err := numbersOf(m.Target)
			return err == nil && dev == m.Device && ino == m.Inode
		}
	}
	return false
}

// wrong says what is wrong with a mount, "" when nothing is.
func wrong(m shim.Mount, points []string, numbers bool) string {
	real, err := filepath.EvalSymlinks(m.Target)
	if err != nil {
		return "is not mounted: " + err.Error()
	}
	if m.Below != "" {
		below, err := filepath.EvalSymlinks(m.Below)
		rel, rerr := filepath.Rel(m.Below, m.Target)
		if err != nil || rerr != nil || filepath.Join(below, rel) != real {
			return "is reached by a symbolic link, to " + real
		}
	}
	if !slices.Contains(points, real) {
		return "is no mount"
	}
	dev, ino, err := numbersOf(real)
	if err != nil {
		return "cannot be looked at: " + err.Error()
	}
	if numbers && (dev != m.Device || ino != m.Inode) {
		return fmt.Sprintf("is something else than on the host: %d:%d, not %d:%d", dev, ino, m.Device, m.Inode)
	}
	return ""
}

func numbersOf(path string) (dev, ino uint64, err error) {
	var st syscall.Stat_t
	err = syscall.Stat(path, &st)
	return uint64(st.Dev), st.Ino, err //nolint:unconvert // Dev's type differs by architecture
}

// mountPoints are the places where something is mounted, proc_pid_mountinfo(5).
func mountPoints() ([]string, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 {
			points = append(points, unescape(f[4]))
		}
	}
	return points, nil
}

// unescape reads \ooo, which stands for a blank, a tab, a line's end or a backslash.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
