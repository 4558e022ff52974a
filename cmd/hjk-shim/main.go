// Command hjk-shim is the helper in every container of hjk-ls: PID 1, and the keeper of terminal sessions. It is
// static and needs nothing of the image: no shell, no /tmp, no user database. Package container/shim has its protocol.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// The folders are variables so that tests can run the helper outside a container. The environment does not name them: the image sets
// its variables, and PID 1 would give away what lies there.
var (
	runDir  = shim.RunDir
	sockDir = shim.SockDir
)

const usage = `hjk-shim keeps the sessions of an hjk-ls container.

  hjk-shim init --user UID:GID --home PATH     PID 1; with --listening it tells who listens
  hjk-shim prepare --user UID:GID --home PATH  what init does first, where PID 1 is another
  hjk-shim fill HOME                           unpacks standard input, a tar archive, into a new home
  hjk-shim links HOME PATH…                    tells of symbolic links on the way to places, in a container for this alone
  hjk-shim own --user UID:GID                  gives the folders of /.headjack/own to a user
  hjk-shim mounts                              looks whether what is mounted is what standard input says
  hjk-shim session start                       one request line on standard input
  hjk-shim session attach NAME [--term TERM] [--viewer ID]
  hjk-shim session detach ID                   ends the attach of a viewer
  hjk-shim session kill NAME
  hjk-shim session send                        types what one request line on standard input says
  hjk-shim session list
  hjk-shim each LIST                           runs the commands of a JSON list of lists, until one fails
  hjk-shim exec                                a command for who speaks at standard input, and ends with it
  hjk-shim forward                             leads connections of the host to ports; one request line on standard input
  hjk-shim lfs clean|smudge FILE               git-lfs's filter, where the image has no git-lfs
  hjk-shim filter clean|smudge|merge|ours NAME FILE
                                               stands for a filter or merge driver of the user's, which does not run here
  hjk-shim missing                             stands for the server of a partial clone
  hjk-shim credential get                      git's credential helper
`

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	switch {
	case len(args) >= 1 && args[0] == "init":
		return withUser(args[1:], initMain)
	case len(args) >= 1 && args[0] == "prepare":
		return withUser(args[1:], func(u user) int {
			prepare(u)
			return 0
		})
	case len(args) == 1 && args[0] == "mounts":
		return mountsMain(os.Stdin, os.Stdout)
	case len(args) == 2 && args[0] == "fill":
		return fillMain(args[1], os.Stdin)
	case len(args) >= 2 && args[0] == "links":
		return linksMain(args[1], args[2:])
	case len(args) >= 1 && args[0] == "own":
		return withUser(args[1:], ownMain)
	case len(args) == 1 && args[0] == "exec":
		return execMain(os.Stdin, os.Stdout)
	case len(args) >= 2 && args[0] == "session":
		return session(args[1], args[2:])
	case len(args) == 2 && args[0] == "each":
		return eachMain(args[1])
	case len(args) == 1 && args[0] == "forward":
		return forwardMain(os.Stdin, os.Stdout)
	case len(args) == 3 && args[0] == "lfs":
		return lfsMain(args[1], args[2], os.Stdin, os.Stdout)
	case len(args) == 4 && args[0] == "filter":
		return filterMain(args[1], args[2], args[3], os.Stdin, os.Stdout)
	case len(args) >= 1 && args[0] == "missing":
		return missingMain()
	case len(args) == 2 && args[0] == "credential":
		return credentialMain(args[1], os.Stdin, os.Stdout)
	}
	fmt.Fprint(os.Stderr, usage)
	return 2
}

// withUser parses the flags of init and prepare.
func withUser(args []string, f func(user) int) int {
	fs := flag.NewFlagSet("hjk-shim", flag.ContinueOnError)
	var caches []string
	fs.Func("cache", "", func(path string) error {
		caches = append(caches, path)
		return nil
	})
	id := fs.String("user", "0:0", "")
	home := fs.String("home", "", "")
	listening := fs.Bool("listening", false, "")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	u, err := parseUser(*id, *home)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hjk-shim:", err)
		return 2
	}
	u.listening, u.caches = *listening, caches
	return f(u)
}

func session(verb string, args []string) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch {
	case verb == "start":
		return startMain(os.Stdin, os.Stdout)
	case verb == "list":
		return listMain(os.Stdout)
	case verb == "send":
		return sendMain(os.Stdin, os.Stdout)
	case !validName(name):
		fmt.Fprint(os.Stderr, usage)
		return 2
	case verb == "attach":
		return attachMain(name)
	case verb == "detach":
		return detachMain(name)
	case verb == "kill":
		return killMain(name)
	case verb == "hold":
		return holdMain(name)
	}
	fmt.Fprint(os.Stderr, usage)
	return 2
}

// listMain prints the state of every session, a line each.
func listMain(w io.Writer) int {
	enc := json.NewEncoder(w)
	for _, st := range allStates() {
		_ = enc.Encode(st)
	}
	return 0
}

// reply writes the one line that answers a request.
func reply(w io.Writer, r shim.Reply) int {
	b, err := json.Marshal(r)
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	if err != nil || !r.OK {
		return 1
	}
	return 0
}
