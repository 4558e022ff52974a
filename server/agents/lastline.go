package agents

import (
	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/internal/plain"
)

const (
	// maxLastLine bounds what is told of a line that a program said.
	maxLastLine = 200
	// mostLastLines bounds of how many sessions of an instance it is told.
	mostLastLines = 50
)

// tellLastLines adds what each session said last, of those that run before the others.
func tellLastLines(all []Instance) {
	var side sideBySide
	for i := range all {
		side.do(func() {
			left := mostLastLines
			for _, running := range []bool{true, false} {
				for n := range all[i].Sessions {
					s := &all[i].Sessions[n]
					if (s.State == "running") != running || left == 0 {
						continue
					}
					left--
					s.LastLine = plain.Short(container.LastLine(all[i].place.runDir(), s.Name), maxLastLine)
				}
			}
		})
	}
	side.wait()
}
