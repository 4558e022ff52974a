// Package container speaks to the container engine, by the Docker API, about the containers of instances and the
// sessions in them. Engine API types stop here.
//
// An [Engine] may be used concurrently. At most [MaxCalls] calls are with the engine at once, so that a crowd of
// branches does not become a crowd of requests; streams (attach, events) are not counted. What an instance's sessions
// say of themselves is read from its run folder, without the engine: the agent can write there, so every byte of it
// is distrusted.
package container
