package agents

import (
	"cmp"
	"os"
	"strings"
)

// hostLocale is the host's time zone and language as KEY=VALUE, of which a session takes what its container has.
func (m *Manager) hostLocale() []string {
	var env []string
	if zone := cmp.Or(strings.TrimPrefix(m.opts.Getenv("TZ"), ":"), systemZone()); zone != "" {
		env = append(env, "TZ="+zone)
	}
	lang := cmp.Or(m.opts.Getenv("LC_ALL"), m.opts.Getenv("LC_CTYPE"), m.opts.Getenv("LANG"))
	if _, charset, _ := strings.Cut(lang, "."); strings.EqualFold(strings.ReplaceAll(charset, "-", ""), "utf8") {
		env = append(env, "LANG="+lang)
	}
	return env
}

// systemZone is the name of the system's time zone, "" where that has none: systemd, musl and macOS have a link to its file.
func systemZone() string {
	target, err := os.Readlink("/etc/localtime")
	if err != nil {
		return ""
	}
	_, zone, _ := strings.Cut(target, "/zoneinfo/")
	return zone
}
