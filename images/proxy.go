package images

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	bkclient "github.com/moby/buildkit/client"
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

// proxied is o with the engine's proxies as arguments, where the user has none of that name. Neither builder keeps them in an image or
// in the key of its cache, unless the Dockerfile declares them (ARG HTTP_PROXY). Without a network there is no way to a proxy.
func (b *Builder) proxied(o BuildOptions, g *Guard) (BuildOptions, veil, error) {
	if g != nil && !g.Network {
		return o, nil, nil
	}
	all, err := b.proxies(o.Args)
	if err != nil || len(all) == 0 {
		return o, nil, err
	}
	hide := veilOver(slices.Collect(maps.Values(all)))
	maps.Copy(all, o.Args)
	o.Args = all
	return o, hide, nil
}

// veil takes passwords of proxies out of what a build says: what is in pairs is replaced, each first by its second.
type veil []string

// veilOver hides the passwords that are in addresses: as they are written, as they are meant, and as HTTP sends them.
func veilOver(addresses []string) (v veil) {
	for _, a := range addresses {
		_, rest, _ := strings.Cut(a, "://")
		if rest == "" {
			rest = a
		}
		authority, _, _ := strings.Cut(rest, "/")
		at := strings.LastIndexByte(authority, '@')
		if at < 0 {
			continue
		}
		user, password, ok := strings.Cut(authority[:at], ":")
		if !ok || password == "" {
			continue
		}
		v = append(v, user+":"+password+"@", user+":xxxxx@")
		name, err := url.PathUnescape(user)
		meant, err2 := url.PathUnescape(password)
		if err != nil || err2 != nil {
			name, meant = user, password
		}
		v = append(v, name+":"+meant+"@", name+":xxxxx@")
		if sent := base64.StdEncoding.EncodeToString([]byte(name + ":" + meant)); len(sent) >= 8 { // a shorter one may be anything
			v = append(v, sent, "xxxxx")
		}
	}
	return v
}

func (v veil) over(s string) string {
	if len(v) == 0 {
		return s
	}
	return strings.NewReplacer(v...).Replace(s)
}

// status hides them in what a step is called and prints. What a step prints in pieces, each a part of a password, is not seen.
func (v veil) status(s *bkclient.SolveStatus) *bkclient.SolveStatus {
	if len(v) == 0 {
		return s
	}
	out := *s
	out.Vertexes, out.Statuses, out.Logs, out.Warnings = nil, nil, nil, nil
	for _, x := range s.Vertexes {
		now := *x
		now.Name, now.Error = v.over(x.Name), v.over(x.Error)
		out.Vertexes = append(out.Vertexes, &now)
	}
	for _, x := range s.Statuses {
		now := *x
		now.ID, now.Name = v.over(x.ID), v.over(x.Name)
		out.Statuses = append(out.Statuses, &now)
	}
	for _, x := range s.Logs {
		now := *x
		now.Data = []byte(v.over(string(x.Data)))
		out.Logs = append(out.Logs, &now)
	}
	for _, x := range s.Warnings {
		now := *x
		now.Short = []byte(v.over(string(x.Short)))
		out.Warnings = append(out.Warnings, &now)
	}
	return &out
}

// err hides them in an error.
func (v veil) err(err error) error {
	if err == nil || v.over(err.Error()) == err.Error() {
		return err
	}
	var be *BuildError
	if errors.As(err, &be) {
		be.Step, be.LogTail, be.Err = v.over(be.Step), v.over(be.LogTail), v.err(be.Err)
		for i := range be.Related {
			be.Related[i].Message = v.over(be.Related[i].Message)
		}
		return be
	}
	return &veiledError{v.over(err.Error()), err}
}

// veiledError says what an error says, without what is hidden.
type veiledError struct {
	msg   string
	cause error
}

func (e *veiledError) Error() string { return e.msg }
func (e *veiledError) Unwrap() error { return e.cause }
