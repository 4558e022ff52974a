// Package agents is the life cycle of instances: run, attach, stop and the rest, for one branch at a time.
//
// It composes workspace (git), container (the engine) and images, which do not know each other, and knows nothing of
// LSP. The engine and git are the record: what a [Manager] is asked it looks up, so that whatever was killed, removed or
// restarted from outside, the answer is true and the next run repairs it.
package agents
