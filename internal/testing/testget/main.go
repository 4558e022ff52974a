// Command testget prints what an address answers, by the proxies and the certificates that its environment has, as net/http knows
// them: for containers of tests, whose images have no other program that speaks TLS.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: testget URL")
		os.Exit(2)
	}
	if err := get(os.Args[1]); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func get(url string) error {
	res, err := http.Get(url) // #nosec G107 -- the test's own
	if err != nil {
		return err
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	_, err = io.Copy(os.Stdout, io.LimitReader(res.Body, 1<<20))
	return err
}
