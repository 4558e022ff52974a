package main

import (
	"bytes"
	"encoding/pem"
	"os"
	"path"

	"github.com/gilmanlab/hjk-ls/container/shim"
	"github.com/gilmanlab/hjk-ls/internal/distrust"
)

// maxBundle bounds a bundle of certificates.
const maxBundle = 1 << 20

// trust makes the bundle that the container's variables name, where the user has certificate authorities of their own: the image's and
// theirs. An image without any gets those of the host's system. It is made at each start, on a tmpfs, so that the image is not touched.
func trust() {
	extra := certificates(path.Join(shim.CertificatesDir, shim.ExtraFile))
	if extra == nil {
		if _, err := os.Stat(shim.CertificatesDir); err != nil {
			return
		}
	}
	var system []byte
	for _, file := range append(shim.SystemCertificates, path.Join(shim.CertificatesDir, shim.SystemFile)) {
		if system = certificates(file); system != nil {
			break
		}
	}
	root, err := os.OpenRoot(sockDir)
	if err != nil {
		return
	}
	defer root.Close()
	_ = distrust.Write(root, path.Base(shim.Bundle), append(system, extra...), 0o644)
}

// certificates are those of a file, and nothing else of it: the image may have a link there to what its user may not read, or a
// FIFO.
func certificates(file string) []byte {
	data, err := distrust.File(file, maxBundle)
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return out.Bytes()
		}
		if b.Type == "CERTIFICATE" {
			_ = pem.Encode(&out, &pem.Block{Type: b.Type, Bytes: b.Bytes})
		}
	}
}
