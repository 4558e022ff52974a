package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// What is idle is watched for a while; a share of a core is told in per mille.
const idleSpan = 10 * time.Second

const (
	idleSessions = 40
	idleServers  = 20
	idleBranches = 10
)

// idle measures what sessions and servers cost while nothing happens.
func (b *bench) idle() error {
	dir, err := b.newRepo("still", 3, "")
	if err != nil {
		return err
	}
	c, err := b.serve(dir)
	if err != nil {
		return err
	}
	all := []*client{c}
	defer func() {
		for i := range idleBranches {
			_ = c.command("hjk-ls.remove", fmt.Sprintf(`{"branch":"i%d","force":true}`, i))
		}
		for _, c := range all {
			_ = c.Close()
		}
		_ = b.sh(dir, "docker", "rm", "-f", "still")
	}()
	for i := range idleSessions {
		if err := c.command("hjk-ls.run", fmt.Sprintf(`{"branch":"i%d","image":%q,"agent":"shell"}`, i%idleBranches, "hjk-test/tmux:1")); err != nil {
			return err
		}
	}
	err = errors.Join(b.sh(dir, "docker", "run", "-d", "--name", "still", "hjk-test/tmux:1", "sleep", "10000"),
		b.sh(dir, "docker", "exec", "still", "bash", "-c", fmt.Sprintf("for i in $(seq %d); do tmux -L raw new-session -d bash; done", idleSessions)))
	if err != nil {
		return err
	}
	for len(all) < idleServers {
		one, err := b.serve(dir)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	time.Sleep(5 * time.Second) // what was started comes to rest
	var list agents.ListResult
	if err := c.Command("hjk-ls.list", map[string]any{}, &list); err != nil {
		return err
	}
	raw := called("tmux -L raw")
	sessions := slices.DeleteFunc(called("session hold", "session log"), func(pid int) bool { // somebody else's may be here
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		return !slices.ContainsFunc(list.Instances, func(i agents.Instance) bool {
			return i.Container != nil && strings.Contains(string(b), i.Container.ID)
		})
	})
	var servers []int
	for _, c := range all {
		servers = append(servers, c.Pid())
	}
	had := []time.Duration{cpu(sessions), cpu(raw), cpu(servers)}
	time.Sleep(idleSpan)
	share := func(pids []int, had time.Duration) string {
		return fmt.Sprintf("%.1f ‰", 1000*float64(cpu(pids)-had)/float64(idleSpan))
	}
	b.rows = append(b.rows,
		row{fmt.Sprintf("%d idle sessions, of a core / as many in tmux alone", idleSessions), share(sessions, had[0]), share(raw, had[1]), 0, ""},
		row{fmt.Sprintf("%d idle servers on %d instances, of a core", idleServers, idleBranches), share(servers, had[2]), "", 0, ""})
	return nil
}

// called are the processes whose command line has one of some texts.
func called(texts ...string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, err := os.ReadFile(f)
		line := strings.ReplaceAll(string(b), "\x00", " ")
		for _, text := range texts {
			if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && strings.Contains(line, text) {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids
}

// cpu is the time that processes have had, in ticks of 10 ms.
func cpu(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		for _, n := range f[11:13] {
			ticks, _ := strconv.Atoi(n)
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum
}
