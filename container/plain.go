package container

import "github.com/gilmanlab/hjk-ls/container/screen"

// Plain turns recorded terminal output into the text that a person saw, with what scrolled away.
func Plain(raw []byte) string { return screen.Text(raw) }
