// Package fileuri tells which file of this machine a URI means, if one. Editors send URIs of many kinds, and one of a file
// on another machine must not be taken for the file of that name here.
package fileuri

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/uri"
)

// ErrNotLocal means that a URI is of no file on this machine.
var ErrNotLocal = errors.New("not a file on this machine")

// Path is the clean absolute path that a file: URI means. The error says what to do about another.
func Path(u string) (string, error) {
	if scheme, rest, ok := strings.Cut(u, ":"); ok {
		u = strings.ToLower(scheme) + ":" + rest
	}
	parsed, err := uri.Parse(u)
	if err != nil {
		return "", fmt.Errorf("%q is no URI: %w", u, err)
	}
	if parsed.Scheme() != "file" || !IsURI(u) {
		return "", fmt.Errorf("%q is %w: only file: URIs are; save it to a folder of this machine first", u, ErrNotLocal)
	}
	host := parsed.Authority()
	switch lower := strings.ToLower(host); {
	case lower == "" || lower == "localhost":
	case runtime.GOOS == "windows": // a share, as file://server/share/x is there
	case strings.HasPrefix(lower, "wsl"):
		return "", fmt.Errorf("%q is %w but names %s from outside of it; open the folder in the editor by its connection to WSL, with hjk-ls inside", u, ErrNotLocal, host)
	default:
		return "", fmt.Errorf("%q is %w but on %s; start hjk-ls there, or open a folder of this machine", u, ErrNotLocal, host)
	}
	path := parsed.FsPath()
	if lower := strings.ToLower(host); lower == "localhost" {
		path = uri.File(filepath.FromSlash(parsed.Path())).FsPath()
	}
	if exact, ok := foreignName(u); ok {
		path = exact
	}
	if strings.ContainsRune(path, 0) || !filepath.IsAbs(path) {
		return "", fmt.Errorf("%q is %w: its path is not absolute, or has a NUL", u, ErrNotLocal)
	}
	return filepath.Clean(path), nil
}

// IsURI reports whether s is written as a URI, and not as a path or an image: C:\x and name:tag are none.
func IsURI(s string) bool {
	scheme, rest, found := strings.Cut(s, ":")
	scheme = strings.ToLower(scheme)
	if !found || len(scheme) < 2 || scheme != "file" && scheme != "untitled" && !strings.HasPrefix(rest, "/") {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := c >= 'a' && c <= 'z'
		later := c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'
		if !letter && (i == 0 || !later) {
			return false
		}
	}
	return true
}

// foreignName is the path of a URI whose bytes are no UTF-8, which the parser leaves escaped: file:///caf%E9 is not the file of that
// very name.
func foreignName(u string) (path string, ok bool) {
	_, rest, _ := strings.Cut(u, ":")
	if authority, found := strings.CutPrefix(rest, "//"); found {
		if rest = strings.TrimLeft(authority, "/"); len(rest) == len(authority) { // with a host
			_, rest, _ = strings.Cut(rest, "/")
		}
		rest = "/" + rest
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	path, err := url.PathUnescape(rest)
	return path, err == nil && !utf8.ValidString(path)
}

// File is the URI of a file of this machine, whatever bytes its name has.
func File(path string) string { return string(uri.File(path)) }
