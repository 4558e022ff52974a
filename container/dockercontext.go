package container

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/connhelper"
	ctxdocker "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"
)

// fromContext is the engine of the current Docker context: DOCKER_CONTEXT, or what `docker context use` chose. The
// default context is none.
func fromContext(e Env) (candidate, bool) {
	dir := e.Getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = filepath.Join(e.Home, ".docker")
	}
	name := e.Getenv("DOCKER_CONTEXT")
	if name == "" {
		cfg, err := config.Load(dir)
		if err != nil {
			return candidate{}, false
		}
		name = cfg.CurrentContext
	}
	if name == "" || name == "default" {
		return candidate{}, false
	}
	c := candidate{source: "docker context " + name}
	c.host, c.options, c.err = readContext(filepath.Join(dir, "contexts"), name)
	return c, true
}

func readContext(dir, name string) (host string, opts []client.Opt, err error) {
	s := store.New(dir, store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(ctxdocker.DockerEndpoint, func() any { return &ctxdocker.EndpointMeta{} }),
	))
	meta, err := s.GetMetadata(name)
	if err != nil {
		return name, nil, err
	}
	em, err := ctxdocker.EndpointFromContext(meta)
	if err != nil {
		return name, nil, err
	}
	ep, err := ctxdocker.WithTLSData(s, name, em)
	if err != nil {
		return em.Host, nil, err
	}
	if len(em.Host) > 6 && em.Host[:6] == "ssh://" {
		opts, err = sshOptions(em.Host)
		return em.Host, opts, err
	}
	if ep.TLSData == nil && !em.SkipTLSVerify {
		return em.Host, nil, nil
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: em.SkipTLSVerify} // #nosec G402 -- the context's own setting
	if ep.TLSData != nil {
		if err := addTLS(tlsConfig, ep.TLSData.CA, ep.TLSData.Cert, ep.TLSData.Key); err != nil {
			return em.Host, nil, err
		}
	}
	return em.Host, []client.Opt{client.WithHTTPClient(&http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig}})}, nil
}

func addTLS(c *tls.Config, ca, cert, key []byte) error {
	if len(ca) > 0 {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(ca) {
			return errors.New("the context's CA is no PEM certificate")
		}
	}
	if len(cert) == 0 && len(key) == 0 {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// sshOptions reach an engine through ssh, as the Docker CLI does.
func sshOptions(host string) ([]client.Opt, error) {
	h, err := connhelper.GetConnectionHelper(host)
	if err != nil {
		return nil, err
	}
	return []client.Opt{client.WithHost(h.Host), client.WithDialContext(h.Dialer)}, nil
}
