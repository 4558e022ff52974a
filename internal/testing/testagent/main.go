// Command testagent stands for an agent in the tests' images: a static program that does what its first argument says.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	verb, arg := "prompt", ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	if len(os.Args) > 2 {
		arg = os.Args[2]
	}
	verbs := map[string]func(string){
		"prompt": prompt, "sleep": sleep, "exit": exit, "size": size, "flood": flood, "stubborn": stubborn, "env": env,
	}
	f, ok := verbs[verb]
	if !ok {
		fmt.Fprintf(os.Stderr, "testagent: %q is not known\n", verb)
		os.Exit(2)
	}
	f(arg)
}

// prompt asks for a name and greets, until it is told "bye" or "exit N".
func prompt(string) {
	in := bufio.NewScanner(os.Stdin)
	for {
		fmt.Print("name? ")
		if !in.Scan() {
			return
		}
		name := strings.TrimSpace(in.Text())
		if name == "bye" {
			return
		}
		if code, ok := strings.CutPrefix(name, "exit "); ok {
			exit(code)
		}
		if d, ok := strings.CutPrefix(name, "work "); ok {
			sleep(d)
		}
		fmt.Printf("hello %s\n", name)
	}
}

func sleep(arg string) {
	d, err := time.ParseDuration(arg)
	if err != nil {
		d = time.Hour
	}
	fmt.Println("sleeping")
	time.Sleep(d)
}

func exit(arg string) {
	n, _ := strconv.Atoi(arg)
	os.Exit(n)
}

// size prints the terminal's size now and at every change.
func size(string) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	for {
		if cols, rows, err := term.GetSize(int(os.Stdin.Fd())); err == nil {
			fmt.Printf("size %dx%d\n", cols, rows)
		}
		<-changed
	}
}

func flood(string) {
	for i := 0; ; i++ {
		fmt.Printf("line %d %s\n", i, strings.Repeat("x", 60))
	}
}

// stubborn ignores what asks it to end.
func stubborn(string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	fmt.Println("ignoring signals")
	time.Sleep(time.Hour)
}

// env prints one variable and waits.
func env(key string) {
	fmt.Printf("%s=%s\n", key, os.Getenv(key))
	time.Sleep(time.Hour)
}
