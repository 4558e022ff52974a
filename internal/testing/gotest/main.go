// Command gotest runs `go test` with its arguments, prints what failed whole and of the rest a line a package, and ends
// with the names of what failed and the count of tests. Arguments behind a "--" are another `go test`, which runs after the one before.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	c := counter{output: map[string]*strings.Builder{}}
	code := 0
	for _, group := range groups(args) {
		if err := c.test(group); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	for _, name := range c.names {
		fmt.Println("failed:", name)
	}
	fmt.Printf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		fmt.Printf(", %d skipped", c.skipped)
	}
	fmt.Println()
	return code
}

// groups splits the arguments at "--": what stands behind runs after what stands before, and not beside it.
func groups(args []string) [][]string {
	all := [][]string{nil}
	for _, a := range args {
		if a == "--" {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], a)
	}
	return all
}

// test runs `go test` once and counts.
func (c *counter) test(args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	before := c.failed
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var e event
		if json.Unmarshal(sc.Bytes(), &e) != nil {
			fmt.Println(sc.Text())
			continue
		}
		c.note(e)
	}
	err = cmd.Wait()
	if err != nil && c.failed == before {
		c.failed++ // a package that does not build has no tests to count
	}
	return err
}

type counter struct {
	passed, failed, skipped int
	names                   []string // of the tests that failed, without those that failed with a test inside
	output                  map[string]*strings.Builder
}

func (c *counter) note(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		b := c.output[key]
		if b == nil {
			b = &strings.Builder{}
			c.output[key] = b
		}
		b.WriteString(e.Output)
		return
	case "pass", "fail", "skip":
	case "build-fail":
		fmt.Print(c.text(key))
		return
	default:
		return
	}
	switch {
	case e.Test == "" && e.Action != "skip":
		if e.Action == "fail" {
			fmt.Print(c.text(key), c.unfinished(e.Package))
		}
		fmt.Printf("%-5s %6.1fs %s\n", e.Action, e.Elapsed, e.Package)
	case e.Test == "":
	case e.Action == "pass":
		c.passed++
	case e.Action == "skip":
		c.skipped++
		fmt.Print(c.text(key))
	default:
		c.failed++
		fmt.Print(c.text(key))
		c.name(e.Package + " " + e.Test)
	}
	delete(c.output, key)
}

// name notes a test that failed. The tests inside it were noted before.
func (c *counter) name(test string) {
	if !slices.ContainsFunc(c.names, func(n string) bool { return strings.HasPrefix(n, test+"/") }) {
		c.names = append(c.names, test)
	}
}

// unfinished is what tests of a package printed that had no result, as when time ran out or one of them panicked. Of each it is the end,
// and of a panic the beginning: that names the tests that ran, and what follows is a stack of every goroutine.
func (c *counter) unfinished(pkg string) string {
	const most = 100
	var all strings.Builder
	for _, key := range slices.Sorted(maps.Keys(c.output)) {
		test, ok := strings.CutPrefix(key, pkg+" ")
		if !ok || test == "" {
			continue
		}
		lines := strings.SplitAfter(c.text(key), "\n")
		if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "panic: ") }); i >= 0 {
			lines = lines[i:min(i+most, len(lines))]
		}
		fmt.Fprintf(&all, "--- NO RESULT: %s\n%s\n", test, strings.Join(lines[max(0, len(lines)-most):], ""))
		delete(c.output, key)
	}
	return all.String()
}

func (c *counter) text(key string) string {
	if b := c.output[key]; b != nil {
		return b.String()
	}
	return ""
}
