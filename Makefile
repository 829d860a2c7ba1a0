# Everything here needs Go >= 1.26, git and make, and nothing else that it cannot get by itself. `make` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# One set of flags for all targets, so that they share the build cache: what go.mod says and nothing newer, no folder names and no
# state of the checkout in what is built, no C.
export GOFLAGS := -mod=readonly -trimpath -buildvcs=false
export GOWORK := off
export CGO_ENABLED := 0

BIN ?= bin/ordersyncd
# Version and commit; `make build STAMP="1.2.3 0123abc"` names them by hand.
STAMP ?= $(shell internal/tools/stamp)

LINT := go tool -modfile=internal/tools/go.mod golangci-lint
# One private server for all tests, or the one of ORDERSYNC_TEST_DSN. Where util-linux is, a make or a go that is killed takes what
# it started with it.
ifneq ($(shell command -v setpriv 2>/dev/null),)
WITH_MAKE := setpriv --pdeathsig TERM
WITH_GO := -exec 'setpriv --pdeathsig KILL'
endif
# (-trimpath takes from a binary where Go itself lies, which tests that read Go source ask for.)
TEST := env GOROOT="$$(go env GOROOT)" $(WITH_MAKE) bin/withserver $(WITH_MAKE) go test -count=1 $(WITH_GO)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## bin/ordersyncd: static, the same bytes wherever it is built, with version and commit
	go build -ldflags '-s -w -X "main.stamp=$(STAMP)"' -o $(BIN) ./cmd/ordersyncd

.PHONY: install
install: ## what `make build` made, with unit and /etc/ordersync; PREFIX=/usr/local, DESTDIR for packagers
	@BIN='$(BIN)' PREFIX='$(or $(PREFIX),/usr/local)' DESTDIR='$(DESTDIR)' deploy/install

.PHONY: demo
demo: build ## the whole story without any account or server; KEEP=1 leaves it up to be looked at
	@exec $(WITH_MAKE) $(BIN) demo $(if $(filter-out 0,$(KEEP)),--keep)

.PHONY: test
test: ## all tests, at most 10 minutes on 2 cores; provides the MariaDB (or give ORDERSYNC_TEST_DSN) and the browser that they need
	@go run ./internal/browser/provide
	@go build -o bin/withserver ./internal/mariadb/withserver
	@exec $(TEST) -timeout 9m $(ARGS) ./...

.PHONY: race
race: export CGO_ENABLED = 1
race: ## all tests in random order under the race detector, which needs a C compiler
	@internal/tools/need-cc
	@CGO_ENABLED=0 go run ./internal/browser/provide
	@CGO_ENABLED=0 go build -o bin/withserver ./internal/mariadb/withserver
	@exec $(TEST) -timeout 20m -race -shuffle=on $(ARGS) ./...

.PHONY: bench
bench: build ## the way from a shop to MariaDB, timed against LOAD DATA: 100,000 orders, or ORDERS=1000000 ROUNDS=1
	@exec $(WITH_MAKE) go test -count=1 $(WITH_GO) -run '^$$' -bench '^Benchmark($(or $(BENCH),Sync|Politeness))$$' -benchtime 1x -timeout 2h \
		./cmd/ordersyncd -args -bench-orders=$(or $(ORDERS),100000) -bench-rounds=$(or $(ROUNDS),3) -bench-program=$(abspath $(BIN))

.PHONY: lint
lint: ## go vet, gofmt, golangci-lint (built on first use), go mod verify, go.mod tidy; changes nothing
	go vet ./...
	@bad=$$("$$(go env GOROOT)/bin/gofmt" -l .) && [ -z "$$bad" ] || { echo "not in gofmt's form:" $$bad; exit 1; }
	$(LINT) run ./...
	go mod verify
	go mod tidy -diff

.PHONY: fuzz
fuzz: ## every fuzz target for 60 seconds; FUZZTIME=10m for longer
	@internal/tools/fuzz $(or $(FUZZTIME),60s)

.PHONY: generate
generate: ## the JSON Schema of the configuration, from its structs
	go test -count=1 -run '^TestSchemaIsCurrent$$' ./internal/config -args -update

.PHONY: clean
clean: ## removes what was built here
	rm -rf bin .demo .cache
