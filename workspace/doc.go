// Package workspace knows git repositories: branches, worktrees, and the configuration that lies beside the code.
//
// git is asked by its command line. Nothing here knows the container engine or the editor. A Repo is an immutable
// value; all methods may be called concurrently, also from several processes, as the ones that change worktrees take
// turns by a file lock in the repository's common directory.
package workspace
