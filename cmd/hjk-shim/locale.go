package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// followHost takes the host's time zone and language over, where the container has them and says nothing else.
func followHost(env, host []string) []string {
	if zone := valueOf(host, "TZ"); valueOf(env, "TZ") == "" && !ownZone() && hasZone(zone) {
		env = append(env, "TZ="+zone)
	}
	if lang := valueOf(host, "LANG"); unspoken(env) && hasLocale(lang) {
		env = append(env, "LANG="+lang)
	}
	return env
}

// unspoken reports whether no variable chooses a language.
func unspoken(env []string) bool {
	return valueOf(env, "LC_ALL") == "" && valueOf(env, "LC_CTYPE") == "" && valueOf(env, "LANG") == ""
}

// ownZone reports whether the image was given a time zone of its own.
func ownZone() bool {
	target, err := os.Readlink("/etc/localtime")
	if err != nil {
		_, err = os.Stat("/etc/localtime")
		return err == nil // a file, of which nobody knows the name
	}
	switch filepath.Base(target) {
	case "UTC", "UCT", "Universal", "Zulu":
		return false
	}
	return true
}

const zones = "/usr/share/zoneinfo"

func hasZone(name string) bool {
	if name == "." || !fs.ValidPath(name) {
		return false
	}
	fi, err := os.Stat(filepath.Join(zones, name))
	return err == nil && fi.Mode().IsRegular()
}

const locales = "/usr/lib/locale"

// hasLocale reports whether glibc has a locale such as de_DE.UTF-8, in a folder or in its archive, both as de_DE.utf8.
func hasLocale(name string) bool {
	language, charset, ok := strings.Cut(name, ".")
	if !ok || language == "" || strings.Contains(name, "/") {
		return false
	}
	normal := language + "." + strings.ToLower(strings.ReplaceAll(charset, "-", ""))
	if fi, err := os.Stat(filepath.Join(locales, normal)); err == nil && fi.IsDir() {
		return true
	}
	f, err := distrust.OpenFile(filepath.Join(locales, "locale-archive")) // an image may have a FIFO there
	if err != nil {
		return false
	}
	defer f.Close()
	return archived(f, normal)
}

// archiveHead is the beginning of glibc's locale archive (locale/locarchive.h), in the order of the machine's bytes.
type archiveHead struct {
	Magic, Serial                 uint32
	HashOffset, HashUsed, HashAll uint32
	StringOffset, StringUsed      uint32
}

const archiveMagic = 0xde020109

// archived looks for a locale among the names in an archive.
func archived(f io.ReaderAt, name string) bool {
	var h archiveHead
	if binary.Read(io.NewSectionReader(f, 0, 64), binary.NativeEndian, &h) != nil || h.Magic != archiveMagic || h.StringUsed > 1<<20 {
		return false
	}
	names := make([]byte, h.StringUsed+1) // each ends with a zero; one more stands before the first
	if _, err := f.ReadAt(names[1:], int64(h.StringOffset)); err != nil {
		return false
	}
	return bytes.Contains(names, []byte("\x00"+name+"\x00"))
}

// pager is a program that shows what is long where there is no less, which git and others take without asking; "" where less is.
func pager(env []string) string {
	path := valueOf(env, "PATH")
	for _, p := range []string{"less", "more"} {
		if _, err := lookup(p, "/", path); err == nil {
			return strings.TrimPrefix(p, "less")
		}
	}
	return "cat"
}
