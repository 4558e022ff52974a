package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/container/shim"
)

// credentialMain is git's credential helper (gitcredentials(7)) in sessions that were given a token. It answers for the
// hosts of the repository's remotes only, so that another server's question does not get it.
func credentialMain(verb string, in io.Reader, out io.Writer) int {
	if verb != "get" {
		return 0
	}
	asked := map[string]string{}
	sc := bufio.NewScanner(in)
	for sc.Scan() && sc.Text() != "" {
		key, value, _ := strings.Cut(sc.Text(), "=")
		asked[key] = value
	}
	token := os.Getenv(shim.TokenEnv)
	if token == "" || !slices.Contains(strings.Fields(os.Getenv(shim.HostsEnv)), asked["host"]) {
		return 0
	}
	user := asked["username"]
	if user == "" {
		user = "x-access-token" // what GitHub documents; others take any name
	}
	fmt.Fprintf(out, "username=%s\npassword=%s\n", user, token)
	return 0
}
