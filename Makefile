# hjk-ls: `make demo` shows it, `make test` proves it, `make help` lists the rest.
SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
SHIM := container/shim/embed/bin/hjk-shim-linux
LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.14.0
export GOTOOLCHAIN := local

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

.PHONY: shim
shim: ## build the helper for containers, for both architectures
	@for a in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$a go build -trimpath -buildvcs=false -ldflags "-s -w" -o $(SHIM)-$$a ./cmd/hjk-shim || exit 1; \
	done

.PHONY: build
build: shim ## build bin/hjk-ls
	@CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/hjk-ls ./cmd/hjk-ls
	@echo "built bin/hjk-ls $(VERSION)"

.PHONY: install
install: build ## put hjk-ls into /usr/local/bin (PREFIX=/usr/local)
	install -D bin/hjk-ls $(or $(PREFIX),/usr/local)/bin/hjk-ls

.PHONY: vsix
vsix: shim ## package the VS Code extension into bin/ (TARGETS="linux-x64 darwin-arm64", default all)
	@scripts/need node=nodejs npm=npm
	@editors/vscode/scripts/package bin $(TARGETS)

.PHONY: demo
demo: ## run agents on two branches of a sample repository, end to end
	@scripts/demo

.PHONY: test
test: ## all tests: build, lint, and everything against a private engine
	@scripts/test

.PHONY: test-user
test-user: ## the tests of hosts and agents as an ordinary user (make test has a part of it)
	@scripts/test-user

.PHONY: test-podman
test-podman: shim ## the scripts on a real Podman, as root and rootless (make test has a part of it)
	@scripts/test-podman

.PHONY: test-podman5
test-podman5: shim ## the same on Debian 13's Podman 5.4
	@scripts/test-podman5

.PHONY: test-newer
test-newer: shim ## the tests that talk to the engine, on a newer Docker: ENGINE=26 or ENGINE=28
	@scripts/test-newer $(or $(ENGINE),28) -timeout 40m ./cmd/hjk-ls ./container ./images

.PHONY: images-test
images-test: ## build the images we ship, from Debian's and npm's packages, and use them (part of test)
	@scripts/need debootstrap=debootstrap docker-registry=docker-registry dockerd=docker.io docker=docker.io ip=iproute2 iptables=iptables jq=jq busybox=busybox-static npm=npm
	@go run ./internal/testing/gotest -timeout 30m ./internal/testing/shipped

.PHONY: unit
unit: shim ## the tests that need no container engine, as for systems that have none
	@go run ./internal/testing/gotest -timeout 10m ./container/pane ./container/screen ./container/shim/... ./images/dockerfile ./internal/credentials ./internal/distrust ./internal/fileuri ./internal/plain ./internal/testing/standin ./internal/system ./server ./server/agents ./server/builds ./workspace

.PHONY: snapshot
snapshot: ## try a release without publishing it: archives, checksums, bills of materials, extension
	@scripts/snapshot

.PHONY: share
share: ## write manual pages and completions below share/
	@rm -rf share
	@go run ./cmd/hjk-ls man share

.PHONY: lint
lint: ## golangci-lint
	@scripts/lint

.PHONY: fmt
fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (default 10s)
	@scripts/fuzz

.PHONY: soak
soak: shim ## half an hour of random operations and kills; SEED=N plays one again, DURATION=5m is shorter
	@scripts/need dockerd=docker.io docker=docker.io ip=iproute2 iptables=iptables busybox=busybox-static tmux=tmux git=git
	@go run ./internal/testing/soak -duration $(or $(DURATION),30m) $(if $(SEED),-seed $(SEED))

.PHONY: attack
attack: shim ## half an hour of random hostile deeds in instances; SEED=N plays one again, DURATION=5m is shorter
	@scripts/need dockerd=docker.io docker=docker.io ip=iproute2 iptables=iptables busybox=busybox-static tmux=tmux git=git setpriv=util-linux
	@go run ./internal/testing/attack -duration $(or $(DURATION),30m) $(if $(SEED),-seed $(SEED)) $(if $(ONLY),-only '$(ONLY)') $(if $(WITHOUT),-without '$(WITHOUT)')

.PHONY: bench
bench: build ## measure against git and docker themselves, into docs/benchmarks.md
	@scripts/with-engine go run ./internal/testing/bench

.PHONY: recording
recording: build ## record the README's first picture from a real VS Code
	@scripts/with-engine editors/vscode/scripts/recording

.PHONY: clean
clean: ## delete what was built
	rm -rf bin dist share $(SHIM)-* editors/vscode/dist editors/vscode/test-results
