package distrust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mendDepth is how deep folders are looked at beforehand. RemoveAll mends what lies deeper, as it comes there.
const mendDepth = 200

// Mend gives the caller all rights on name, which is a folder, and on those below it, so that RemoveAll will not fail; it
// deletes nothing. A folder of somebody else's is an fs.ErrPermission. One that is gone is no error.
func Mend(ctx context.Context, root *os.Root, name string) error {
	return mend(ctx, root, name, func(f *os.File, st unix.Stat_t) error {
		if uid := os.Geteuid(); uid != 0 && int(st.Uid) != uid {
			return fmt.Errorf("it belongs to user %d: %w", st.Uid, fs.ErrPermission)
		}
		return allRights(f, st)
	})
}

// Reach gives the caller all rights on the folder name itself, and no other.
func Reach(_ context.Context, root *os.Root, name string) error {
	f, err := openBeneath(root, name, pathFlags|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if err := allRights(f, st); err != nil {
		return &fs.PathError{Op: "change", Path: name, Err: err}
	}
	return nil
}

// OwnMounted is Mend for root in a container where name is a mount, on behalf of a user, who is given the folders. Files stay whose
// they are: who may write in their folder may delete them, and a file can have another name elsewhere.
func OwnMounted(ctx context.Context, root *os.Root, name string, uid, gid int) error {
	top, err := OpenDir(root, name)
	if err != nil {
		return err
	}
	defer top.Close()
	return mend(ctx, top, ".", func(f *os.File, st unix.Stat_t) error {
		if int(st.Uid) != uid {
			if err := unix.Fchownat(unix.AT_FDCWD, f.Name(), uid, gid, 0); err != nil {
				return err
			}
		}
		return allRights(f, st)
	})
}

// allRights works by the open folder, whose name may be a link by now.
func allRights(f *os.File, st unix.Stat_t) error {
	const all = 0o700
	if st.Mode&all == all {
		return nil
	}
	return unix.Fchmodat(unix.AT_FDCWD, f.Name(), st.Mode&0o7777|all, 0)
}

func mend(ctx context.Context, root *os.Root, name string, do func(*os.File, unix.Stat_t) error) error {
	dir, err := openBeneath(root, filepath.Dir(name), pathFlags|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return err
	}
	return mender{ctx, st.Dev, do}.folder(dir, filepath.Base(name), name, mendDepth)
}

type mender struct {
	ctx context.Context
	dev uint64
	do  func(*os.File, unix.Stat_t) error
}

// folder mends base, which lies in dir, if it is a folder. path is for errors.
func (m mender) folder(dir *os.File, base, path string, depth int) error {
	held, err := openAt(dir, base, pathFlags|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer held.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(held.Fd()), &st); err != nil {
		return err
	}
	if st.Dev != m.dev || depth == 0 { // what is mounted there is not deleted either
		return nil
	}
	if err := m.do(held, st); err != nil {
		return &fs.PathError{Op: "change", Path: path, Err: err}
	}
	fd, err := unix.Open(held.Name(), dirFlags|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), held.Name())
	defer f.Close()
	return m.below(held, f, path, depth)
}

func (m mender) below(held, f *os.File, path string, depth int) error {
	for {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		entries, err := f.ReadDir(batch)
		for _, e := range entries {
			if !e.IsDir() {
				continue
			}
			if err := m.folder(held, e.Name(), filepath.Join(path, e.Name()), depth-1); err != nil {
				return err
			}
		}
		if err != nil || len(entries) == 0 {
			return nil
		}
	}
}
