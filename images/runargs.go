package images

import (
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/images/devcontainer"
)

// Power reports whether a flag gives a container something of the host's.
func (f Flag) Power() bool { return !slices.Contains(harmless, f.Key) }

// String is the flag as docker run has it.
func (f Flag) String() string { return "--" + f.Key + "=" + f.Value }

// argued are the flags that a devcontainer.json may have in runArgs, those of harmless beside. All of them are power, and are asked for.
var argued = []string{
	"privileged", "cgroupns", "pid", "ipc", "uts", "userns", "runtime", "cap-add", "security-opt", "group-add", "device", "sysctl",
}

// settingFor says of flags what is to be set instead.
var settingFor = map[string]string{
	"volume": "use mounts", "mount": "use mounts", "publish": "use forwardPorts", "network": "set network in .headjack.yaml", "net": "set network in .headjack.yaml",
	"memory": "set resources in .headjack.yaml", "cpus": "set resources in .headjack.yaml", "pids-limit": "set resources in .headjack.yaml",
	"user": "sessions run as you, by your number", "env-file": "use containerEnv", "gpus": "set gpus in your configuration",
	"add-host": "set hosts in your configuration", "dns": "set dns in your configuration", "name": "hjk-ls names its containers", "hostname": "",
}

// short are the flags of one letter.
var short = map[string]string{"e": "env", "v": "volume", "p": "publish", "u": "user", "h": "hostname", "m": "memory"}

// switches are flags that have no value of their own.
var switches = []string{"privileged", "init", "rm", "interactive", "tty", "read-only", "detach"}

// RunArgs reads the runArgs of a devcontainer.json: the flags that can be taken, and those that are not.
func RunArgs(args []string) (flags []Flag, refused []devcontainer.NotTaken) {
	for i := 0; i < len(args); i++ {
		key, value, has := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if long, ok := short[key]; ok && !strings.HasPrefix(args[i], "--") {
			key = long
		}
		switch {
		case has:
		case slices.Contains(switches, key) || i+1 == len(args) || strings.HasPrefix(args[i+1], "-"):
			value = "true"
		default:
			i++
			value = args[i]
		}
		f := Flag{key, value}
		switch {
		case key == "init" && strings.HasPrefix(args[i], "-"): // the helper is PID 1 and reaps
		case slices.Contains(argued, key) || !f.Power():
			flags = append(flags, f)
		default:
			refused = append(refused, devcontainer.NotTaken{Key: "runArgs " + f.String(), Why: settingFor[key]})
		}
	}
	return flags, refused
}
