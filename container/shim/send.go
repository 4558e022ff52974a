package shim

// Send is what is to be typed into a session's terminal. It is the request of "session send".
type Send struct {
	Name string `json:"name"`
	Text []byte `json:"text,omitempty"`
	// Raw are bytes that reach the program as they are. Else Text is typed as a terminal types what its user pastes: in brackets
	// where the program asked for them, and with Enter's own character at the end of each line.
	Raw   bool `json:"raw,omitempty"`
	Enter bool `json:"enter,omitempty"` // after Text
	Now   bool `json:"now,omitempty"`   // also when the program does not wait for its user
}

// MaxSend bounds Send.Text.
const MaxSend = 1 << 20

// MaxTypedLine is how long a line may be for a program that has its terminal read line by line: the kernel drops the rest (N_TTY_BUF_SIZE
// of Linux, less the end of the line).
const MaxTypedLine = 4095

// Codes of Reply.Code of "session send", beside the others.
const (
	CodeNotWaiting  = "not_waiting"   // and Now was not said
	CodeNotReading  = "not_reading"   // the program has not taken all of the text
	CodeLineTooLong = "line_too_long" // for a program that reads line by line
)
