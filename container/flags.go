package container

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"
)

// FlagError is a flag that hjk-ls cannot honour.
type FlagError struct {
	Flag  Flag
	Cause error
}

func (e *FlagError) Error() string {
	return fmt.Sprintf("engine flag %s=%s: %v", e.Flag.Key, e.Flag.Value, e.Cause)
}

func (e *FlagError) Unwrap() error { return e.Cause }

// flagFuncs is what an image may ask of the engine, by the names `docker run` has for it.
var flagFuncs = map[string]func(*container.Config, *container.HostConfig, string) error{
	"privileged": func(_ *container.Config, h *container.HostConfig, v string) (err error) {
		h.Privileged, err = strconv.ParseBool(v)
		return err
	},
	"cgroupns": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.CgroupnsMode = container.CgroupnsMode(v)
		return nil
	},
	"pid": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.PidMode = container.PidMode(v)
		return nil
	},
	"ipc": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.IpcMode = container.IpcMode(v)
		return nil
	},
	"uts": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.UTSMode = container.UTSMode(v)
		return nil
	},
	"userns": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.UsernsMode = container.UsernsMode(v)
		return nil
	},
	"network": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.NetworkMode = container.NetworkMode(v)
		return nil
	},
	"runtime": func(_ *container.Config, h *container.HostConfig, v string) error { h.Runtime = v; return nil },
	"cap-add": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.CapAdd = append(h.CapAdd, v)
		return nil
	},
	"cap-drop": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.CapDrop = append(h.CapDrop, v)
		return nil
	},
	"security-opt": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.SecurityOpt = append(h.SecurityOpt, v)
		return nil
	},
	"group-add": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.GroupAdd = append(h.GroupAdd, v)
		return nil
	},
	"volume": func(_ *container.Config, h *container.HostConfig, v string) error {
		h.Binds = append(h.Binds, v)
		return nil
	},
	"device":   flagDevice,
	"tmpfs":    flagTmpfs,
	"shm-size": flagShmSize,
	"sysctl":   flagSysctl,
	"ulimit":   flagUlimit,
	"env": func(c *container.Config, _ *container.HostConfig, v string) error {
		name, _, _ := strings.Cut(v, "=")
		c.Env = slices.DeleteFunc(c.Env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
		c.Env = append(c.Env, v)
		return nil
	},
	"stop-signal": func(c *container.Config, _ *container.HostConfig, v string) error {
		c.StopSignal = v
		return nil
	},
}

func flagDevice(_ *container.Config, h *container.HostConfig, v string) error {
	parts := strings.Split(v, ":")
	d := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	if len(parts) > 1 {
		d.PathInContainer = parts[1]
	}
	if len(parts) > 2 {
		d.CgroupPermissions = parts[2]
	}
	h.Devices = append(h.Devices, d)
	return nil
}

func flagTmpfs(_ *container.Config, h *container.HostConfig, v string) error {
	path, opts, _ := strings.Cut(v, ":")
	h.Tmpfs[path] = opts
	return nil
}

func flagShmSize(_ *container.Config, h *container.HostConfig, v string) (err error) {
	h.ShmSize, err = units.RAMInBytes(v)
	return err
}

func flagSysctl(_ *container.Config, h *container.HostConfig, v string) error {
	key, value, ok := strings.Cut(v, "=")
	if !ok {
		return fmt.Errorf("want KEY=VALUE")
	}
	if h.Sysctls == nil {
		h.Sysctls = map[string]string{}
	}
	h.Sysctls[key] = value
	return nil
}

func flagUlimit(_ *container.Config, h *container.HostConfig, v string) error {
	u, err := units.ParseUlimit(v)
	if err == nil {
		h.Ulimits = append(h.Ulimits, u)
	}
	return err
}

// applyFlags lays allowed flags over a container's configuration.
func applyFlags(c *container.Config, h *container.HostConfig, flags []Flag) error {
	for _, f := range flags {
		apply, ok := flagFuncs[f.Key]
		if !ok {
			return &FlagError{f, fmt.Errorf("not known; known are %s", strings.Join(slices.Sorted(maps.Keys(flagFuncs)), ", "))}
		}
		if err := apply(c, h, f.Value); err != nil {
			return &FlagError{f, err}
		}
	}
	return nil
}
