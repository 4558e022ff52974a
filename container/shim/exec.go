package shim

// Exec asks for a command beside the sessions. It is the one line on standard input of "exec"; after it, both sides speak as package
// link has it: a Reply first, then the streams of the command, and an Ended last. The end of standard input means that nobody is there
// any more, and ends the command.
type Exec struct {
	Argv []string `json:"argv"`           // looked up in PATH of Env
	Env  []string `json:"env,omitempty"`  // as Start has them
	Host []string `json:"host,omitempty"` // as Start has them
	Dir  string   `json:"dir"`
	// Otherwise is the folder where there is no Dir.
	Otherwise string  `json:"otherwise,omitempty"`
	Home      string  `json:"home,omitempty"`
	Terminal  bool    `json:"terminal,omitempty"` // standard input, output and error are one
	Cols      int     `json:"cols,omitempty"`
	Rows      int     `json:"rows,omitempty"`
	Mounts    []Mount `json:"mounts,omitempty"` // as Start has them
}

// ExecMessage is what is said beside the streams of a command; one of its fields is set.
type ExecMessage struct {
	Signal string `json:"signal,omitempty"` // to the helper: one of Signals, for the command
	Cols   int    `json:"cols,omitempty"`   // to the helper: the terminal's size, with Rows
	Rows   int    `json:"rows,omitempty"`
	Reply  *Reply `json:"reply,omitempty"` // from the helper: whether the command runs
	Ended  *Ended `json:"ended,omitempty"` // from the helper: nothing comes after it
}

// Ended is how a command ended.
type Ended struct {
	Code    int  `json:"code"`              // 128+n when signal n ended it
	Stopped bool `json:"stopped,omitempty"` // its container is being stopped
	Starved bool `json:"starved,omitempty"` // the kernel killed it for want of memory
}

// Signals are those that a command can be sent, by the numbers that Linux has for them.
var Signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "USR1": 10, "USR2": 12, "TERM": 15}
