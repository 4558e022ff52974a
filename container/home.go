package container

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// rootHome is root's home in every distribution.
const rootHome = "/root"

// ImageHome is the home of an image's USER. Root's is known; for others /etc/passwd is read from a container that is
// never started. Answers are kept by image id, which never changes its content.
func (e *Engine) ImageHome(ctx context.Context, image, user string) (string, error) {
	user, _, _ = strings.Cut(user, ":")
	if user == "" || user == "root" || user == "0" {
		return rootHome, nil
	}
	key := image + " " + user
	e.homesMu.Lock()
	home, ok := e.homes[key]
	e.homesMu.Unlock()
	if ok {
		return home, nil
	}
	home, err := e.readHome(ctx, image, user)
	if err != nil {
		return "", fmt.Errorf("read the home of user %s from the image: %w", user, err)
	}
	e.homesMu.Lock()
	e.homes[key] = home
	e.homesMu.Unlock()
	return home, nil
}

func (e *Engine) readHome(ctx context.Context, image, user string) (home string, err error) {
	var res container.CreateResponse
	err = e.call(ctx, func(ctx context.Context) (err error) {
		res, err = e.api.ContainerCreate(ctx, &container.Config{Image: image, Entrypoint: []string{"/none"}}, nil, &network.NetworkingConfig{}, nil, "")
		return err
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = e.Remove(context.WithoutCancel(ctx), res.ID) }()
	r, _, err := e.api.CopyFromContainer(ctx, res.ID, "/etc/passwd")
	if err != nil {
		return fallbackHome(user), nil // no such file: an image without users
	}
	defer r.Close()
	t := tar.NewReader(r)
	if _, err := t.Next(); err != nil {
		return fallbackHome(user), nil
	}
	return homeIn(io.LimitReader(t, 1<<20), user), nil
}

// homeIn finds user, a name or a number, in passwd(5).
func homeIn(passwd io.Reader, user string) string {
	sc := bufio.NewScanner(passwd)
	for sc.Scan() {
		f := strings.Split(sc.Text(), ":")
		if len(f) >= 6 && (f[0] == user || f[2] == user) && strings.HasPrefix(f[5], "/") && f[5] != "/" {
			return f[5]
		}
	}
	return fallbackHome(user)
}

func fallbackHome(user string) string {
	if strings.Trim(user, "0123456789") == "" || strings.ContainsAny(user, "/.") {
		return "/home/headjack"
	}
	return "/home/" + user
}
