package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gilmanlab/hjk-ls/server/agents"
)

// lonely is a server on the container's loopback that says which branch it is; big has 8 MiB, and echo gives back what it gets.
const lonely = `network: none
agents:
  web: {command: [sh, -c, 'mkdir -p /tmp/w && cd /tmp/w && echo $HJK_BRANCH >index.html && head -c 8388608 /dev/zero >big && exec busybox httpd -f -p 127.0.0.1:3000 -h /tmp/w'], resume: []}
  echo: {command: [sh, -c, 'exec busybox nc -ll -p 4000 -e cat'], resume: []}
`

// forwarding is a hjk-ls forward that runs.
type forwarding struct {
	cmd  *exec.Cmd
	said *bytes.Buffer
	agents.ForwardResult
}

func (r rig) forward(args ...string) *forwarding {
	r.Helper()
	f := &forwarding{cmd: r.Cmd(r.repo, r.Bin, append([]string{"forward", "--json"}, args...)...), said: &bytes.Buffer{}}
	out, err := f.cmd.StdoutPipe()
	must(r.T, err)
	f.cmd.Stderr = f.said
	must(r.T, f.cmd.Start())
	r.Cleanup(func() { _ = f.cmd.Process.Kill() })
	if err := json.NewDecoder(out).Decode(&f.ForwardResult); err != nil {
		_ = f.cmd.Wait()
		r.Fatalf("forward: %v: %s", err, f.said)
	}
	return f
}

// TestForward: a server on the loopback of a container without a network is found, and reached until the forward is ended, also
// by another container of its branch. Ending it leaves nothing behind.
func TestForward(t *testing.T) {
	r := newRig(t)
	r.config(lonely)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "web", "--detach")
	r.eventually("listening", func() bool {
		x := r.x()
		return len(x.Listening) == 1 && x.Listening[0] == agents.ListenPort{Port: 3000, Loopback: true}
	})
	if out := r.hjk("ps"); !strings.Contains(out, "3000 (inside)") {
		t.Errorf("ps: %s", out)
	}
	taken, local := listen(t, 0)
	r.fails("port "+fmt.Sprint(local)+" of this host is taken", "forward", "x", fmt.Sprint("3000:", local))
	_ = taken.Close()
	f := r.forward("x", fmt.Sprint("3000:", local))
	if f.Host != local || f.Port != 3000 || f.Branch != "x" {
		t.Errorf("%+v", f.ForwardResult)
	}
	if got := get(t, f.URL); got != "x" {
		t.Errorf("%q", got)
	}
	if got := get(t, f.URL+"big"); len(got) != 8<<20 {
		t.Errorf("%d bytes", len(got))
	}
	r.hjk("recreate", "x")
	if got := get(t, f.URL); got != "x" {
		t.Errorf("after recreate: %q", got)
	}

	// Both directions, and the end of one.
	r.hjk("run", "x", "--agent", "echo", "--detach")
	e := r.forward("x", "4000")
	r.echoes(e.Host)

	must(t, f.cmd.Process.Signal(os.Interrupt))
	must(t, f.cmd.Wait()) // ending it is no failure
	if _, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", local)); err == nil {
		t.Error("the port is there after the end")
	}
	must(t, e.cmd.Process.Kill())
	_ = e.cmd.Wait()
	id := r.x().Container.ID
	r.eventually("no helper is left", func() bool { return !strings.Contains(r.sh("docker top "+id+" -o pid,args"), "forward") })
	if left := r.sh("ls " + r.Dir + "/state/headjack/instances/*/run"); strings.Contains(left, ".sock") {
		t.Errorf("left in the run folder: %s", left)
	}

	g := r.forward("x", "3000")
	r.hjk("rm", "x", "--delete-branch")
	if err := g.cmd.Wait(); err == nil || !strings.Contains(g.said.String(), "no instance") {
		t.Errorf("after rm: %v %s", err, g.said)
	}
	r.nothingLeft("in the end")
}

// echoes sends a text, ends its side and reads the same back.
func (r rig) echoes(port int) {
	r.Helper()
	want := strings.Repeat("there and back\n", 10000)
	r.eventually("the echo", func() bool {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		must(r.T, err)
		defer c.Close()
		go func() {
			_, _ = io.WriteString(c, want)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		_ = c.SetReadDeadline(time.Now().Add(patience))
		got, err := io.ReadAll(c)
		return err == nil && string(got) == want
	})
}

// TestForwardOfAServer: an editor forwards on demand; the server tells it, ends it when asked to, and when it ends itself.
func TestForwardOfAServer(t *testing.T) {
	r := newRig(t)
	r.config(lonely)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "web", "--detach")
	c, err := r.Serve(r.repo, nil)
	must(t, err)
	t.Cleanup(c.Kill)
	var res, again agents.ForwardResult
	must(t, c.Command("hjk-ls.forward", agents.ForwardArgs{Branch: "x", Port: 3000}, &res))
	must(t, c.Command("hjk-ls.forward", agents.ForwardArgs{Branch: "x", Port: 3000}, &again))
	if res != again || get(t, res.URL) != "x" {
		t.Errorf("%+v, then %+v", res, again)
	}
	var all agents.ListResult
	must(t, c.Command("hjk-ls.list", agents.ListArgs{}, &all))
	if len(all.Instances) != 1 || len(all.Instances[0].Forwarded) != 1 || all.Instances[0].Forwarded[0] != res.HostPort {
		t.Errorf("%+v", all.Instances)
	}
	var ended agents.UnforwardResult
	must(t, c.Command("hjk-ls.unforward", agents.UnforwardArgs{Branch: "x", Port: 3000}, &ended))
	if len(ended.Ended) != 1 || ended.Ended[0] != res.HostPort {
		t.Errorf("%+v", ended)
	}
	closed := func(when string) {
		t.Helper()
		if _, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", res.Host)); err == nil {
			t.Error("it goes on ", when)
		}
	}
	closed("after unforward")
	for _, bad := range []struct{ command, args, code string }{
		{"hjk-ls.unforward", `{"branch":"x","port":3000}`, "port_not_found"},
		{"hjk-ls.forward", `{"branch":"x","port":65536}`, "invalid_argument"},
		{"hjk-ls.forward", `{"branch":"x","port":3000,"local":70000}`, "invalid_argument"},
		{"hjk-ls.forward", `{"branch":"y","port":3000}`, "instance_not_found"},
		{"hjk-ls.open", `{"branch":"x","port":3999}`, "port_not_found"},
	} {
		if err := c.Command(bad.command, json.RawMessage(bad.args), nil); err == nil || !strings.Contains(fmt.Sprintf("%+v", err), bad.code) {
			t.Errorf("%s %s: %v, not %s", bad.command, bad.args, err, bad.code)
		}
	}
	r.eventually("listening", func() bool { return len(r.x().Listening) > 0 })
	must(t, c.Command("hjk-ls.open", agents.OpenArgs{Branch: "x"}, &res))
	if get(t, res.URL) != "x" {
		t.Errorf("%+v", res)
	}
	must(t, c.Close())
	closed("after the server's end")
	r.hjk("stop", "x")
	r.fails("hjk-ls run x", "forward", "x", "3000")
	r.hjk("rm", "x", "--delete-branch")
}

// TestForgedListening: what an agent writes in the place of who listens is numbers of ports, or nothing.
func TestForgedListening(t *testing.T) {
	r := newRig(t)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--detach")
	file := "/.headjack/run/listening.json"
	for name, c := range map[string]struct {
		script string
		want   []int
	}{
		"what is no port": {`echo '[{"port":0},{"port":-1},{"port":65536},{"port":9},{"port":9,"loopback":true}]' >` + file, []int{9}},
		"what is no list": {`echo '{"port":"\u001b[2J"}' >` + file, nil},
		"a link":          {`ln -s /etc/passwd ` + file, nil},
		"a fifo":          {`mkfifo ` + file, nil},
		"a folder":        {`mkdir ` + file, nil},
		"much":            {`head -c 100000000 /dev/zero >` + file, nil},
	} {
		r.sh("docker exec -u " + me + " " + r.x().Container.ID + " sh -c 'rm -rf " + file + "'; docker exec -u " + me + " -i " + r.x().Container.ID + " sh <<'END'\n" + c.script + "\nEND\n")
		var got []int
		for _, l := range r.x().Listening {
			got = append(got, l.Port)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	r.hjk("rm", "x", "--delete-branch")
	r.nothingLeft("in the end")
}

// TestForwardFromElsewhere: where the engine is not known to be of this machine, each connection is a stream through it.
func TestForwardFromElsewhere(t *testing.T) {
	r := newRig(t)
	r.config(lonely)
	r.hjk("run", "x", "--image", "hjk-test/busybox:1", "--agent", "web", "--detach")
	r.hjk("run", "x", "--agent", "echo", "--detach")
	l, _ := listen(t, 0)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				up, err := net.Dial("unix", strings.TrimPrefix(r.Host, "unix://"))
				if err != nil {
					return
				}
				defer up.Close()
				go func() {
					_, _ = io.Copy(up, c)
					_ = up.(*net.UnixConn).CloseWrite()
				}()
				_, _ = io.Copy(c, up)
			}()
		}
	}()
	web := r.forward("x", "3000", "--host", "tcp://"+l.Addr().String())
	if got := get(t, web.URL); got != "x" {
		t.Errorf("%q", got)
	}
	if got := get(t, web.URL+"big"); len(got) != 8<<20 {
		t.Errorf("%d bytes", len(got))
	}
	r.echoes(r.forward("x", "4000", "--host", "tcp://"+l.Addr().String()).Host)
	nobody := r.forward("x", "5000", "--host", "tcp://"+l.Addr().String())
	c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", nobody.Host))
	must(t, err)
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of nobody", n)
	}
	_ = c.Close()
	r.hjk("rm", "x", "--delete-branch")
}
