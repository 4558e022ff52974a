# The images that are shipped: docker buildx bake -f images/docker-bake.hcl
# Every version is an ARG at the top of images/base/Dockerfile and images/dind/Dockerfile.

variable "REPOSITORY" {
  default = "ghcr.io/gilmanlab/headjack"
}

variable "VERSION" {
  default = "dev"
}

variable "REVISION" {
  default = ""
}

# What base is made from; a Debian 13 of your own where no registry can be reached.
variable "DISTRIBUTION" {
  default = "debian:trixie-slim"
}

group "default" {
  targets = ["base", "systemd", "dind"]
}

target "_common" {
  platforms = ["linux/amd64", "linux/arm64"]
  args = {
    VERSION  = VERSION
    REVISION = REVISION
  }
}

target "base" {
  inherits = ["_common"]
  context  = "images/base"
  args = {
    DISTRIBUTION = DISTRIBUTION
  }
  tags = ["${REPOSITORY}:base", "${REPOSITORY}:${VERSION}-base"]
}

target "systemd" {
  inherits = ["_common"]
  context  = "images/systemd"
  contexts = {
    "headjack-base" = "target:base"
  }
  args = {
    BASE = "headjack-base"
  }
  tags = ["${REPOSITORY}:systemd", "${REPOSITORY}:${VERSION}-systemd"]
}

target "dind" {
  inherits = ["_common"]
  context  = "images/dind"
  contexts = {
    "headjack-systemd" = "target:systemd"
  }
  args = {
    BASE = "headjack-systemd"
  }
  tags = ["${REPOSITORY}:dind", "${REPOSITORY}:${VERSION}-dind"]
}
