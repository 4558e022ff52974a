// Package shipped holds the tests of the images in images/: they are built here, on a Debian made here, and used as
// docs/images.md tells users to. It takes minutes, the network of the package registries, and root.
package shipped
