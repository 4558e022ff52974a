package images

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Labels of an image that hjk-ls obeys.
const (
	LabelInit        = "io.headjack.init"
	labelFlagsPrefix = "io.headjack." // + docker or podman + .flags
)

// Flag is one key=value of a flags label.
type Flag struct{ Key, Value string }

// harmless are the flags that give a container nothing of the host's. Everything else is power.
var harmless = []string{"tmpfs", "shm-size", "ulimit", "env", "stop-signal", "cap-drop"}

// Labels reads what an image asks for: its PID 1, and flags for the engine ("docker" or "podman"), separated by spaces.
// power lists what asks for more than a container has by itself: such flags, and a PID 1 of its own, for which hjk-ls leaves the
// container unhardened.
func Labels(img Image, engine string) (init string, flags []Flag, power []string, err error) {
	init = img.Labels[LabelInit]
	if init != "" && !path.IsAbs(init) {
		return "", nil, nil, fmt.Errorf("label %s: %q is not an absolute path", LabelInit, init)
	}
	if init != "" {
		power = append(power, "init="+init)
	}
	label := labelFlagsPrefix + engine + ".flags"
	for _, word := range strings.Fields(img.Labels[label]) {
		key, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !ok {
			value = "true"
		}
		if key == "" {
			return "", nil, nil, fmt.Errorf("label %s: %q is not key=value", label, word)
		}
		flags = append(flags, Flag{key, value})
		if !slices.Contains(harmless, key) {
			power = append(power, key+"="+value)
		}
	}
	return init, flags, power, nil
}
