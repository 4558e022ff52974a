package agents

import (
	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// extras are what the settings give a container that the engine alone has to know of.
func extras(c workspace.Config) container.Extras {
	return container.Extras{ShmSize: c.ShmSize, Hosts: c.Hosts, DNS: c.DNS, Devices: c.Devices, GPUs: c.GPUs}
}

const deviceAdvice = "; see that it is there, or take it out of devices and gpus in the settings (GPUs need the NVIDIA Container Toolkit, and Podman its CDI file)"
