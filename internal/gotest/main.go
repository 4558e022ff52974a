// Command gotest runs `go test` with its arguments, prints what failed whole and of the rest a line a package, and ends
// with the count of tests.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c := counter{output: map[string]*strings.Builder{}}
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
	if err != nil && c.failed == 0 {
		c.failed = 1 // a package that does not build has no tests to count
	}
	fmt.Printf("%d passed, %d failed", c.passed, c.failed)
	if c.skipped > 0 {
		fmt.Printf(", %d skipped", c.skipped)
	}
	fmt.Println()
	if err != nil {
		return 1
	}
	return 0
}

type counter struct {
	passed, failed, skipped int
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
			fmt.Print(c.text(key))
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
	}
	delete(c.output, key)
}

func (c *counter) text(key string) string {
	if b := c.output[key]; b != nil {
		return b.String()
	}
	return ""
}
