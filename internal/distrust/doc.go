// Package distrust reads, writes and deletes in folders that an agent can write to: worktrees, private git directories, run
// folders, build contexts. The caller holds the folder itself as an os.Root and names what lies below it. Nothing there may lead
// out of the folder, make the caller wait, or be larger than the caller allows.
//
// os.Root alone is not enough: it follows links that stay inside, also where O_NOFOLLOW is asked for, waits for the other end
// of a FIFO, and reads without a limit.
//
// All functions may be used from several goroutines at once.
package distrust
