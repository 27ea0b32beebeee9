# meshd: `make demo` shows it at work, `make test` proves it.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# golangci-lint remembers findings by content and reports them under the paths
# of the checkout that found them: a cache that checkouts share speaks of files
# that are gone.
export GOLANGCI_LINT_CACHE ?= $(CURDIR)/bin/lint
LDFLAGS  = -s -w -X main.release=$(VERSION)

.PHONY: build demo test tested unit e2e race lint fuzz chaos bench-state bench-messages bench-graph bench-sync bench-query freeze upgrade install help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## build ./bin/meshd, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meshd ./cmd/meshd

demo: build ## three real nodes at work on this machine
	./bin/meshd demo

# The binary that tests run is built as the tests are, so that nothing is compiled
# twice; vet is lint's. What takes longest begins first.
TESTED = bin/test/meshd
TEST   = MESHD_TEST_BINARY=$(CURDIR)/$(TESTED) CGO_ENABLED=0 $(GO) test -vet=off -count=1

test: tested ## all tests, the whole-system ones included
	$(TEST) -timeout 12m ./test/e2e ./consensus ./...

tested:
	CGO_ENABLED=0 $(GO) build -o $(TESTED) ./cmd/meshd

unit: ## the tests of the packages, without whole-system tests
	CGO_ENABLED=0 $(GO) test $$($(GO) list ./... | grep -v /test/) -count=1 -timeout 5m

e2e: tested ## the whole-system tests alone
	$(TEST) -timeout 12m ./test/...

race: ## the race detector on the packages with goroutines (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -vet=off -short -timeout 12m ./consensus ./gossip/... ./node/... ./httpapi/... ./cmd/...
	CGO_ENABLED=1 $(GO) test -race -vet=off -short -timeout 5m -run 'Watch|Index|Import|Search' ./graphsync ./graphsync/search ./graphsync/cypher/graph

# golangci-lint has vet in it. Without cgo, what it compiles is what tests use.
lint: ## gofmt, vet here and for the other systems, golangci-lint if installed
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	@if command -v golangci-lint >/dev/null; then CGO_ENABLED=0 golangci-lint run ./...; else echo "golangci-lint is not installed: only vet is run"; CGO_ENABLED=0 $(GO) vet ./...; fi
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet $$($(GO) list ./... | grep -v /test/)

fuzz: ## each fuzz target for FUZZTIME (default 10s)
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-10s} $$p; done; done

chaos: build ## break a mesh at random; SEED, DURATION, SCENARIO, NODES, FAULTS (Linux, root)
	$(GO) run ./test/chaos/run -binary bin/meshd $(if $(SEED),-seed $(SEED)) $(if $(DURATION),-duration $(DURATION)) $(if $(SCENARIO),-scenario $(SCENARIO)) $(if $(NODES),-nodes $(NODES)) $(if $(FAULTS),-faults $(FAULTS))

bench-state: ## the state beside etcd (DURATION=5s ROUNDS=3 KILLS=10 CELLS=)
	@mkdir -p bin/bench && CGO_ENABLED=0 $(GO) build -o bin/bench/meshd ./cmd/meshd && CGO_ENABLED=0 $(GO) build -C test/bench/etcd -o $(CURDIR)/bin/bench/ ./server ./load
	$(GO) run ./test/bench/state -bin bin/bench -duration $${DURATION:-5s} -rounds $${ROUNDS:-3} -kills $${KILLS:-10} -cells "$${CELLS:-}"

bench-messages: ## messages beside NATS, as Markdown (DURATION=5s ROUNDS=3 CELLS=)
	$(GO) run ./test/bench/messages -build -bin bin/bench -duration $${DURATION:-5s} -rounds $${ROUNDS:-3} -cells "$${CELLS:-}"

bench-graph: ## the graph beside the reference memory server, as Markdown (CELLS= DURATION=2s SMALL=1)
	@mkdir -p bin/bench/npm && CGO_ENABLED=0 $(GO) build -o bin/bench/meshd ./cmd/meshd && CGO_ENABLED=0 $(GO) build -o bin/bench/graph ./test/bench/graph
	@cp test/bench/graph/peer/* bin/bench/npm/ && cd bin/bench/npm && npm install --no-audit --no-fund --loglevel=error >&2
	@bin/bench/graph -cells "$${CELLS:-}" -duration $${DURATION:-2s} $(if $(SMALL),-small)

bench-sync: ## clients that come back from working offline (CLIENTS=1000 MUTATIONS=1000 SHARE=4 ACTIVE=128 KILLS=15s)
	@mkdir -p bin/bench && CGO_ENABLED=0 $(GO) build -o bin/bench/meshd ./cmd/meshd && CGO_ENABLED=0 $(GO) build -o bin/bench/sync ./test/bench/sync
	@bin/bench/sync -bin bin/bench/meshd -clients $${CLIENTS:-1000} -mutations $${MUTATIONS:-1000} -share $${SHARE:-4} -active $${ACTIVE:-128} -kills $${KILLS:-15s}

bench-query: ## queries of openCypher beside the structured routes, as Markdown (CELLS= DURATION=2s SMALL=1)
	@mkdir -p bin/bench/npm && CGO_ENABLED=0 $(GO) build -o bin/bench/meshd ./cmd/meshd && CGO_ENABLED=0 $(GO) build -o bin/bench/graph ./test/bench/graph
	@cp test/bench/graph/peer/* bin/bench/npm/ && cd bin/bench/npm && npm install --no-audit --no-fund --loglevel=error >&2
	@bin/bench/graph -queries -cells "$${CELLS:-}" -duration $${DURATION:-2s} $(if $(SMALL),-small)

freeze: build ## keep what this program writes as testdata of FORMAT=N
	go test ./test/formats -run TestFreeze -freeze $(FORMAT)

upgrade: tested ## exchange an older meshd for this one, node by node in a mesh at work (OLD=path)
	MESHD_OLD_BINARY=$(abspath $(OLD)) $(TEST) -v -timeout 5m -run TestRollingUpgrade ./test/e2e

install: build ## put meshd into GOBIN
	install -m 0755 bin/meshd $$($(GO) env GOPATH)/bin/meshd
