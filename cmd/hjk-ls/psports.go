package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// withPorts puts a column of ports before the last one, where an instance has some.
func withPorts(rows [][]string, all []agents.Instance) {
	if !slices.ContainsFunc(all, func(i agents.Instance) bool { return portsCell(i) != "" }) {
		return
	}
	for n := range rows {
		cell := "PORTS"
		if n > 0 {
			cell = portsCell(all[n-1])
		}
		rows[n] = slices.Insert(rows[n], len(rows[n])-1, cell)
	}
}

// portsCell is a word a port: of a published one HOST→PORT, or one number where both are the same, and of one that only a forward
// reaches that it is inside.
func portsCell(i agents.Instance) string {
	var words []string
	for _, p := range i.Ports {
		word := fmt.Sprint(p.Port)
		if p.Host != p.Port {
			word = fmt.Sprintf("%d→%d", p.Host, p.Port)
		}
		words = append(words, word)
	}
	for _, l := range i.Listening {
		words = append(words, fmt.Sprintf("%d (inside)", l.Port))
	}
	return strings.Join(words, ", ")
}
