package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// saidTable is a table of instances with what each agent said last, a row a session that runs.
func (a *app) saidTable(w io.Writer, all []agents.Instance) {
	rows := [][]string{{"BRANCH", "STATE", "IMAGE", "SESSIONS", "CREATED"}}
	states := []agents.State{}
	var of []agents.Instance
	said := []string{"SAID"}
	for _, i := range all {
		running, ended := apart(i.Sessions)
		first := []string{i.Branch, string(i.State), image(i), sessions(ended), age(i.CreatedAt)}
		if len(running) == 0 {
			rows, of, states = append(rows, first), append(of, i), append(states, i.State)
			said = append(said, lastOf(ended).LastLine)
		}
		for n, s := range running {
			row := []string{"", "", "", sessions([]agents.Session{s}), ""}
			inst := agents.Instance{}
			if n == 0 {
				row, inst = first, i
				row[3] = sessions(append([]agents.Session{s}, ended...))
			}
			rows, of, states = append(rows, row), append(of, inst), append(states, inst.State)
			said = append(said, s.LastLine)
		}
	}
	withPorts(rows, of)
	for n := range rows {
		rows[n] = append(rows[n], said[n])
	}
	a.rows(w, rows, func(n, c int, cell string) string {
		if c != 1 || states[n] == "" {
			return cell
		}
		return a.paint(cell, stateColor(states[n]))
	})
}

// apart are the sessions that run, and those that have ended.
func apart(all []agents.Session) (running, ended []agents.Session) {
	for _, s := range all {
		if s.State == "running" {
			running = append(running, s)
		} else {
			ended = append(ended, s)
		}
	}
	return running, ended
}

// lastOf is the session that was used last.
func lastOf(all []agents.Session) (last agents.Session) {
	for _, s := range all {
		if s.LastUsed.After(last.LastUsed) {
			last = s
		}
	}
	return last
}

// since is for how long a session waits, "" where that is not known.
func since(s agents.Session) string {
	if s.WaitingSince.IsZero() {
		return ""
	}
	d := time.Since(s.WaitingSince).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf(" %ds", max(int(d/time.Second), 0))
	case d < time.Hour:
		return fmt.Sprintf(" %dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf(" %dh", d/time.Hour)
	}
	return fmt.Sprintf(" %dd", d/(24*time.Hour))
}
