# `make help` lists the targets. Go, git and make are all that must be there;
# what else the tests need, `make deps` installs from Debian.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run demo test arm bench acceptance campaign exposes fuzz deps lint deb cross clean

TOOL := go tool -modfile=deploy/tools/go.mod
DIST ?= dist
FUZZTIME ?= 30s

# v0.1.0 plus 3 commits is 0.1.0+3.gabcdef: later than 0.1.0 to dpkg.
VERSION ?= $(shell { git describe --tags --match 'v[0-9]*' 2>/dev/null || echo v0.1.0; } | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/')
# Files in a package bear the time of the commit, so that a build repeats.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# A box speaks HTTP/1.1 only: leaving HTTP/2 out takes half a megabyte off.
# What is not on the way of an event is compiled without inlining, which takes
# off another megabyte.
COLD := crypto/tls crypto/x509 golang.org/x/net html mime net/http regexp text \
	github.com/wneessen golang.org/x/text github.com/eclipse github.com/expr-lang github.com/goccy github.com/gorilla github.com/prometheus github.com/spf13 \
	google.golang.org/protobuf github.com/linli-edge/gateway/cmd github.com/linli-edge/gateway/firmware-config
BUILD := env CGO_ENABLED=0 GOOS=linux go build -trimpath -tags nethttpomithttp2 $(COLD:%=-gcflags=%/...=-l) -ldflags "-s -w -X main.version=$(VERSION)"

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: $(DIST)/run/gateway.yaml ## run the gateway from this checkout, data in dist/run
	go run ./cmd/gateway run --config $<

$(DIST)/run/gateway.yaml:
	@mkdir -p $(@D)
	@printf 'data: %s\nsocket: %s/gateway.sock\n' '$(abspath $(@D))' '$(abspath $(@D))' >$@

demo: ## a simulated community on this machine, with its page
	go run ./cmd/gateway demo

# The race detector ends the process at a damaged pointer, also where the program
# recovers from it, and takes memory of its own: tests of damaged files and of
# long outages carry //go:build !race, and run without it.
test: deps ## what must hold before a commit: vet, format and every test
	go vet ./...
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted" >&2; exit 1; }
	@packages=$$(grep -rl --include='*_test.go' '^//go:build !race' . | xargs -r dirname | sort -u || true); \
		test -z "$$packages" || { set -x; go test -timeout 5m -run 'Damage|LongOutage' $$packages; }
	go test -race -timeout 14m ./...

# Not under emulation: a file system cannot be frozen, and the emulator's own
# memory counts.
arm: deps ## the journal's tests as 32-bit ARM, under emulation
	LINLI_EMULATOR=qemu-arm-static GOARCH=arm GOARM=7 go test -exec qemu-arm-static -timeout 30m -skip 'HangingDisk|LongOutage' ./sync/journal

bench: deps ## the figures of BENCHMARKS.md
	go test -run '^$$' -bench . -benchmem -p 1 -timeout 60m $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r dirname | sort -u)

acceptance: deps ## pull the plug of a virtual ARM64 box 20 times, drive its pins, and measure its memory
	go run ./deploy/acceptance -rounds 20
	go run ./deploy/acceptance -pins -rounds 6
	go run ./deploy/acceptance -load -rounds 20

campaign: deps ## the long forms of the crash, fault and model tests, 200 power cuts, an hour's worth of 500 devices on ARM64
	LINLI_CAMPAIGN=1 go test -count=1 -v -p 1 -timeout 24h ./...
	go run ./deploy/acceptance -rounds 200
	go run ./deploy/acceptance -pins -rounds 50
	go run ./deploy/acceptance -load -rounds 1850 -rate 2

exposes: ## how many of the world's Zigbee devices are understood; needs npm and the Internet
	go run ./deploy/exposes

fuzz: ## each fuzz target for FUZZTIME (30s)
	@grep -rE --include='*_test.go' '^func Fuzz' . | sed -E 's/^(.*)\/[^\/]*:func (Fuzz[A-Za-z0-9_]*).*/\1 \2/' | sort | while read -r package target; do \
		echo "== $$package $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package" </dev/null; \
	done

deps: ## install what the tests need, without asking; nothing to do is fast
	@deploy/deps

lint: ## format, vet, staticcheck, known vulnerabilities
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted" >&2; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...
	@deploy/vulnerabilities

# Both floating-point generations of 32-bit ARM boards are built.
CROSS := GOARCH=arm64 GOARCH=arm+GOARM=6 GOARCH=arm+GOARM=7 GOARCH=amd64 GOARCH=riscv64

cross: ## build the binaries for every kind of box into dist/
	@for target in $(CROSS); do \
		echo "== $$target"; \
		env $${target//+/ } $(BUILD) -o $(DIST)/cross/$$target/ ./cmd/...; \
	done

DEBS := deb-arm64 deb-armhf deb-amd64
.PHONY: $(DEBS)

deb: $(DEBS) ## Debian packages for arm64, armhf and amd64 in dist/

deb-arm64: PLATFORM := GOARCH=arm64
deb-armhf: PLATFORM := GOARCH=arm GOARM=6
deb-amd64: PLATFORM := GOARCH=amd64

$(DEBS): deb-%:
	@mkdir -p $(DIST)/$*
	$(PLATFORM) $(BUILD) -o $(DIST)/$*/linli-gateway ./cmd/gateway
	@env GOOS=linux CGO_ENABLED=0 $(PLATFORM) deploy/deb/notices ./cmd/gateway >$(DIST)/$*/NOTICES
	@ARCH=$* VERSION='$(VERSION)' BUILD='$(DIST)/$*' $(TOOL) nfpm package --config deploy/nfpm.yaml --packager deb --target $(DIST)/

clean: ## remove what was built
	rm -rf dist build
