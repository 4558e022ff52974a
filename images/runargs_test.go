package images

import (
	"fmt"
	"strings"
	"testing"
)

func TestRunArgs(t *testing.T) {
	flags, refused := RunArgs([]string{
		"--init", "--privileged", "--cap-add=SYS_PTRACE", "--security-opt", "seccomp=unconfined", "-e", "A=B=C", "--ulimit", "nofile=1024",
		"-v", "/:/host", "--mount=type=bind,source=/,target=/x", "--network", "host", "-p", "80:80", "--env-file", "/home/me/.env", "--rm", "--volumes-from", "other", "--",
	})
	want := "[--privileged=true --cap-add=SYS_PTRACE --security-opt=seccomp=unconfined --env=A=B=C --ulimit=nofile=1024]"
	if got := fmt.Sprint(flags); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i, power := range []bool{true, true, true, false, false} {
		if flags[i].Power() != power {
			t.Errorf("%v: power %v", flags[i], flags[i].Power())
		}
	}
	var keys []string
	for _, n := range refused {
		keys = append(keys, strings.Fields(n.Key)[1])
	}
	if got := strings.Join(keys, " "); got != "--volume=/:/host --mount=type=bind,source=/,target=/x --network=host --publish=80:80 --env-file=/home/me/.env --rm=true --volumes-from=other --=true" {
		t.Errorf("refused %s", got)
	}
}
