// Command demoagent is the agent of `make demo`: a static program, so that its image needs nothing else. It does a
// small task in the worktree it was started in, then asks what to do next.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	branch := os.Getenv("HJK_BRANCH")
	task, err := os.ReadFile(os.Getenv("DEMO_TASK"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "demoagent:", err)
		os.Exit(1)
	}
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demoagent:", err)
		os.Exit(1)
	}
	fmt.Printf("demo agent on %s in %s\n", branch, dir)
	if len(os.Args) > 1 {
		fmt.Printf("you asked: %s\n", strings.Join(os.Args[1:], " "))
	}
	fmt.Printf("task: %s", task)
	note := fmt.Sprintf("Written by the demo agent on branch %s at %s.\n", branch, time.Now().Format(time.RFC3339))
	if err := os.WriteFile("NOTE-"+strings.ReplaceAll(branch, "/", "-")+".md", []byte(note), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "demoagent:", err)
		os.Exit(1)
	}
	fmt.Println("done: wrote a note")
	in := bufio.NewScanner(os.Stdin)
	for fmt.Print("what next? "); in.Scan(); fmt.Print("what next? ") {
		if in.Text() == "exit" {
			return
		}
		fmt.Printf("noted: %s\n", in.Text())
	}
}
