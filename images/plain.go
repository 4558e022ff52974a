package images

import (
	"bytes"

	bkclient "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/gilmanlab/hjk-ls/internal/plain"
)

// maxName bounds the name of a step as it is told: a RUN may be as long as its file.
const maxName = 1 << 10

// plainly makes what p is told fit for terminals, logs and editors: steps print what they like.
func (p Progress) plainly() Progress {
	if p == nil {
		return nil
	}
	logs := map[digest.Digest]*output{}
	return func(s *bkclient.SolveStatus) {
		out := &bkclient.SolveStatus{}
		for _, v := range s.Vertexes {
			now := *v
			now.Name, now.Error = plain.Short(v.Name, maxName), plain.Message(v.Error)
			out.Vertexes = append(out.Vertexes, &now)
		}
		for _, st := range s.Statuses {
			now := *st
			now.ID, now.Name = plain.Short(st.ID, maxName), plain.Short(st.Name, maxName)
			out.Statuses = append(out.Statuses, &now)
		}
		for _, l := range s.Logs {
			now := *l
			if logs[l.Vertex] == nil {
				logs[l.Vertex] = newOutput()
			}
			now.Data = logs[l.Vertex].add(l.Data)
			out.Logs = append(out.Logs, &now)
		}
		for _, w := range s.Warnings {
			now := *w
			now.Short, now.SourceInfo, now.Detail = []byte(plain.Short(string(w.Short), maxName)), nil, nil
			now.URL = plain.Short(w.URL, maxName)
			out.Warnings = append(out.Warnings, &now)
		}
		p(out)
	}
}

// output is what one step prints, piece by piece.
type output struct {
	buf bytes.Buffer
	w   *plain.Writer
}

func newOutput() *output {
	o := &output{}
	o.w = plain.NewWriter(&o.buf)
	return o
}

func (o *output) add(b []byte) []byte {
	o.buf.Reset()
	_, _ = o.w.Write(b)
	return bytes.Clone(o.buf.Bytes())
}
