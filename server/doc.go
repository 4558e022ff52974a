// Package server is the JSON-RPC edge of hjk-ls: LSP 3.17 on a stream, and the hjk-ls.* commands.
//
// Order: notifications are handled on the read loop, in the order in which they came, and never block it. Requests run
// each in a goroutine of its own, and may overlap. What is written goes through one queue, so that a client that stops
// reading blocks no handler; when the queue is full the connection ends.
//
// Ownership: the connection owns every goroutine here. Requests end with their context, which $/cancelRequest, the
// cancel button of their progress, and the end of the connection cancel; [Server.Serve] returns when all have.
package server
