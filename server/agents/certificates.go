package agents

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/container"
	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
	"github.com/gilmanlab/hjk-ls/workspace"
)

// nodeCertificates is the one variable by whose very meaning a user has extra certificate authorities. SSL_CERT_FILE and its like stand
// in the place of the system's own, and are set for everybody where the system's own are not.
const nodeCertificates = "NODE_EXTRA_CA_CERTS"

// bundled are the variables by which programs find a bundle in the place of the one that they, or the system, have.
var bundled = []string{
	"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "NIX_SSL_CERT_FILE",
}

// added are the variables by which programs find certificates beside those they have.
var added = []string{nodeCertificates, "DENO_CERT"}

// maxCertificates bounds a file of certificates; a system's own has a quarter of it.
const maxCertificates = 1 << 20

// certificates are the user's extra certificate authorities, as PEM; nil is none.
func (m *Manager) certificates(c workspace.Config) ([]byte, error) {
	files := c.Certificates
	if len(files) == 0 {
		if file := m.opts.Getenv(nodeCertificates); filepath.IsAbs(file) {
			all, err := readCertificates(file)
			if err != nil { // Node.js does not mind either
				m.log.Warn("the certificates of "+nodeCertificates+" reach no container", zap.Error(err))
			}
			return all, nil
		}
		return nil, nil
	}
	var all []byte
	for _, file := range files {
		more, err := readCertificates(file)
		if err != nil {
			return nil, Errorf(CodeInvalidConfig, "certificates: %w", err)
		}
		all = append(all, more...)
	}
	return all, nil
}

// readCertificates takes nothing but certificates out of a file: a key in it stays there.
func readCertificates(file string) ([]byte, error) {
	data, err := distrust.File(file, maxCertificates)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(b.Bytes); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		_ = pem.Encode(&out, &pem.Block{Type: b.Type, Bytes: b.Bytes})
	}
	if out.Len() == 0 {
		return nil, fmt.Errorf("%s has no certificate in PEM form (-----BEGIN CERTIFICATE-----); convert it by: openssl x509 -inform der -in FILE", file)
	}
	return out.Bytes(), nil
}

// certificates is the folder of what its container sees of certificates, read-only.
func (p place) certificates() string { return filepath.Join(p.dir(), "certificates") }

// putCertificates writes them where the instance's container sees them. Those of the host's system are for images that have none.
func (p place) putCertificates(extra []byte) error {
	err := os.MkdirAll(p.certificates(), 0o755)
	if err != nil {
		return unwritable(err)
	}
	root, err := os.OpenRoot(p.certificates())
	if err != nil {
		return err
	}
	defer root.Close()
	return errors.Join(distrust.Write(root, shim.SystemFile, systemCertificates(), 0o644), distrust.Write(root, shim.ExtraFile, extra, 0o644))
}

// buildCertificates are what steps of a build may mount as secrets: "ca" is a whole bundle, the host's and the user's, as for
// SSL_CERT_FILE, and "ca-extra" the user's alone, to be installed.
func (m *Manager) buildCertificates(c workspace.Config) map[string][]byte {
	extra, err := m.certificates(c)
	if err != nil {
		m.log.Warn("builds have no certificates", zap.Error(err))
	}
	if extra == nil {
		return nil
	}
	return map[string][]byte{"ca": append(systemCertificates(), extra...), "ca-extra": extra}
}

// systemCertificates are those that the host's system trusts, nil where they are not known.
func systemCertificates() []byte {
	for _, file := range shim.SystemCertificates {
		if all, err := readCertificates(file); err == nil {
			return all
		}
	}
	return nil
}

// trust lets a container that is to be made trust the user's certificate authorities beside the image's own. What the image sets of
// the variables stays.
func (m *Manager) trust(c workspace.Config, p place, image []string) (mounts []container.Mount, env []string, err error) {
	extra, err := m.certificates(c)
	if err != nil || extra == nil {
		return nil, nil, err
	}
	if err := p.putCertificates(extra); err != nil {
		return nil, nil, Errorf(CodeInternal, "write the certificates for the container: %w", err)
	}
	set := func(names []string, file string) {
		for _, name := range names {
			if !slices.ContainsFunc(image, func(kv string) bool { return strings.HasPrefix(kv, name+"=") }) {
				env = append(env, name+"="+file)
			}
		}
	}
	set(bundled, shim.Bundle)
	set(added, shim.CertificatesDir+"/"+shim.ExtraFile)
	return []container.Mount{{Source: p.certificates(), Target: shim.CertificatesDir, ReadOnly: true}}, env, nil
}

// followCertificates gives a container that is to start again those of now. It has their variables only if there were some when it was made.
func (u *bringUp) followCertificates() {
	if _, err := os.Stat(u.place.certificates()); err != nil {
		return
	}
	extra, err := u.m.certificates(u.wish.config)
	if err == nil {
		err = u.place.putCertificates(extra)
	}
	if err != nil {
		u.m.log.Warn("the certificates in the container stay what they were", zap.String("branch", u.place.Now), zap.Error(err))
	}
}
