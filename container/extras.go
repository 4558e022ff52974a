package container

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/gilmanlab/hjk-ls/internal/system"
)

// Extras are what the settings give a container beside what every one has.
type Extras struct {
	ShmSize int64             // bytes of /dev/shm, 0 is the engine's choice
	Hosts   map[string]string // names and their addresses; hostGateway is the host's
	DNS     []string
	Devices []string // SOURCE[:TARGET[:rwm]]
	Mounts  []Mount  // of the host's, beside the container's own
	Caches  []Cache
	GPUs    string // all, a number, ids between commas, or id: and one
}

const (
	hostName    = "host.docker.internal" // by which containers reach the host, with Docker Desktop and Podman by themselves
	hostGateway = "host-gateway"
	gatewayAPI  = "1.41" // since which engines know it
)

// extras lays them over a container's configuration, after the image's flags.
func (e *Engine) extras(host *container.HostConfig, x Extras) error {
	if x.ShmSize > 0 {
		host.ShmSize = x.ShmSize
	}
	host.DNS = append(host.DNS, x.DNS...)
	host.ExtraHosts = append(host.ExtraHosts, e.hosts(host.NetworkMode, x.Hosts)...)
	for _, d := range x.Devices {
		if err := flagDevice(nil, host, oneDevice(d)); err != nil {
			return err
		}
		if !e.Info().Rootless { // there the host's groups are nobody's
			host.GroupAdd = append(host.GroupAdd, deviceGroups(d)...)
		}
	}
	slices.Sort(host.GroupAdd)
	host.GroupAdd = slices.Compact(host.GroupAdd)
	e.gpus(host, x.GPUs)
	return nil
}

// oneDevice completes SOURCE:rwm, which has no target.
func oneDevice(d string) string {
	if source, rights, ok := strings.Cut(d, ":"); ok && !strings.HasPrefix(rights, "/") {
		return source + ":" + source + ":" + rights
	}
	return d
}

// hosts are the names that a container knows: without a network, or in another container's, it has none of its own.
func (e *Engine) hosts(mode container.NetworkMode, names map[string]string) (all []string) {
	if mode.IsNone() || mode.IsContainer() {
		return nil
	}
	if _, set := names[hostName]; !set && e.knowsGateway() {
		all = append(all, hostName+":"+hostGateway)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, name+":"+names[name])
	}
	return all
}

func (e *Engine) knowsGateway() bool { return e.isPodman() || !older(e.info.APIVersion, gatewayAPI) }

// deviceGroups are the groups that may use a device, or those in a folder of them: what runs as the host's user has its groups no more.
// Root's is no such.
func deviceGroups(device string) (all []string) {
	path, _, _ := strings.Cut(device, ":")
	paths, _ := filepath.Glob(filepath.Join(path, "*"))
	for _, p := range append(paths, path) {
		fi, err := os.Lstat(p)
		if err != nil || fi.Mode()&os.ModeDevice == 0 {
			continue
		}
		if gid, ok := system.Group(fi); ok && gid != 0 {
			all = append(all, strconv.FormatUint(uint64(gid), 10))
		}
	}
	return all
}

// gpus asks for GPUs as `docker run --gpus` does. Podman has them as devices of the Container Device Interface.
func (e *Engine) gpus(host *container.HostConfig, wanted string) {
	if wanted == "" {
		return
	}
	ids := strings.Split(strings.TrimPrefix(wanted, "id:"), ",")
	count, err := strconv.Atoi(wanted)
	switch {
	case e.isPodman() && err == nil:
		ids = nil
		for i := range count {
			ids = append(ids, strconv.Itoa(i))
		}
		fallthrough
	case e.isPodman():
		for _, id := range ids {
			name := "nvidia.com/gpu=" + id
			host.Devices = append(host.Devices, container.DeviceMapping{PathOnHost: name, PathInContainer: name, CgroupPermissions: "rwm"})
		}
		return
	}
	r := container.DeviceRequest{Capabilities: [][]string{{"gpu"}}}
	switch {
	case wanted == "all":
		r.Count = -1
	case err == nil:
		r.Count = count
	default:
		r.DeviceIDs = ids
	}
	host.DeviceRequests = append(host.DeviceRequests, r)
}

// DeviceError means that the engine does not have a device that the settings give containers.
type DeviceError struct {
	Name string
	Err  error
}

func (e *DeviceError) Error() string {
	return fmt.Sprintf("the engine does not give containers %s: %v", e.Name, e.Err)
}

func (e *DeviceError) Unwrap() error { return e.Err }

// deviceError is err as a DeviceError, where it says of a device that it is not to be had.
func deviceError(host *container.HostConfig, err error) error {
	if err == nil || host == nil {
		return err
	}
	text := err.Error()
	if len(host.DeviceRequests) > 0 && strings.Contains(text, "device driver") || strings.Contains(text, "nvidia.com/gpu") {
		return &DeviceError{"GPUs", err}
	}
	for _, d := range host.Devices {
		if strings.Contains(text, d.PathOnHost) {
			return &DeviceError{d.PathOnHost, err}
		}
	}
	return err
}
