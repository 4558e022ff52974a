package drive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// An ordinary user, and a group that may use scripts/engine's engines.
const (
	User  = 12345
	Group = 12346
)

// Ordinary makes the rig an ordinary user's: everything in its home, and every command from now on. Where an ordinary user
// runs this already, there is nothing to do.
func (r *Rig) Ordinary() error {
	if os.Getuid() != 0 {
		return nil
	}
	user, group := strconv.Itoa(User), strconv.Itoa(Group)
	for _, argv := range [][]string{
		{"chmod", "711", filepath.Dir(r.Dir)},
		{"chown", "-R", user + ":" + user, r.Dir},
	} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("make an ordinary user: %w: %s", err, out)
		}
	}
	r.As = []string{"setpriv", "--reuid", user, "--regid", user, "--groups", group, "--inh-caps=-all"}
	return nil
}
