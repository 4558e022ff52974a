package images

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker/cli/cli/config"
)

// Proxies are the variables that the Docker CLI's configuration has for what runs in this engine, as KEY=VALUE: those of its
// address, else the default ones. A value may hold a password.
func (b *Builder) Proxies() ([]string, error) {
	all, err := b.proxies(nil)
	if err != nil {
		return nil, err
	}
	env := make([]string, 0, len(all))
	for _, k := range slices.Sorted(maps.Keys(all)) {
		env = append(env, k+"="+all[k])
	}
	return env, nil
}

// proxies are the variables of the engine's proxies whose names are not in said.
func (b *Builder) proxies(said map[string]string) (map[string]string, error) {
	file, err := config.Load(b.config)
	if err != nil {
		return nil, fmt.Errorf("docker configuration: %w", err)
	}
	all := map[string]string{}
	for k, v := range file.ParseProxyConfig(b.api.DaemonHost(), nil) {
		if _, ok := said[k]; !ok {
			all[k] = *v
		}
	}
	return all, nil
}
