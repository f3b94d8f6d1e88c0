# Every verb in one line; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run build setup test test-fast test-it test-cluster contract model check fmt lint docs coverage \
	web test-web web-client screenshots cluster compose-test soak restarts fuzz bench bench-quick bench-web clean-data

help: ## list every verb
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build, and start a node on http://127.0.0.1:7070 with ./data
	@sh scripts/run.sh

build: ## build the program and its tests
	@sh scripts/cargo.sh build --workspace --all-targets --locked

setup: ## install what the tests and linters need and this machine lacks (as root: apt; otherwise says what is missing)
	@sh scripts/setup.sh

test: ## everything: install what is missing, build, all tests, model, contract and API checks
	@sh scripts/test.sh

test-fast: ## the tests of the crates without I/O: engine, actors, document, primitives; needs nothing installed
	@sh scripts/cargo.sh test --locked -p engine -p actors -p document -p primitives

test-it: ## the tests of the whole program in tests/it
	@sh scripts/cargo.sh test --locked --workspace --test it

test-cluster: ## the tests on clusters of real processes in tests/cluster
	@sh scripts/cargo.sh test --locked --workspace --test cluster

contract: ## the black-box checks of the external contract, where they lie beside this repository
	@sh scripts/check-contract.sh

model: ## the model of the ownership protocol and its mutants, with Spin (docs/model)
	@sh scripts/check-model.sh

check: ## what the pipeline runs: setup, lint, every test
	@.ci/run

web: ## build the pages of the web UI into web/dist (needs Node; a later build of the program embeds them)
	@sh scripts/web.sh build

test-web: ## unit tests and browser tests of the web UI against a real node (needs Node and Chromium)
	@sh scripts/web.sh test

web-client: ## write the types of the API that the web UI is compiled with again, from the program's own description
	@sh scripts/web.sh client

fmt: ## format the source
	@sh scripts/cargo.sh fmt --all

lint: ## format check, clippy, documentation, eslint, shellcheck, ruff, cargo-deny; changes nothing
	@sh scripts/lint.sh

docs: ## build the documentation of all crates, warnings are errors
	@sh scripts/docs.sh

coverage: ## covered lines of each file, by all tests (scripts/coverage.sh -p engine: of one crate)
	@sh scripts/coverage.sh

cluster: ## a cluster in containers, its API on http://127.0.0.1:7070 (docs/cluster.md)
	@sh scripts/compose-secrets.sh
	@docker compose up --build

compose-test: ## start that cluster, kill the owner of an instance, and check that it continues
	@sh scripts/compose-test.sh

soak: ## random faults on a cluster for an hour, from a seed that is printed (PORPOISE_SEED repeats one)
	@PORPOISE_SOAK_SECONDS=$${PORPOISE_SOAK_SECONDS:-3600} sh scripts/cargo.sh test --locked --workspace --test cluster -- --nocapture random_faults

fuzz: ## every property test with other inputs, FUZZ_SECONDS (600) for each; prints seeds and cases
	@python3 scripts/fuzz.py

restarts: ## restart a node 100 times under four clients, and count lost requests (PORPOISE_RESTARTS sets the number)
	@PORPOISE_RESTARTS=$${PORPOISE_RESTARTS:-100} sh scripts/cargo.sh test --locked --workspace --test cluster -- --nocapture restarts_lose_no_request

bench: ## measure every workload on a release build and write docs/benchmarks.md (about twelve minutes)
	@sh scripts/cargo.sh bench --locked --bench porpoise -- --write docs/benchmarks.md

bench-quick: ## the first three workloads at a tenth of their size on SQLite
	@sh scripts/cargo.sh bench --locked --bench porpoise -- --quick

screenshots: ## pictures of every page into web/screenshots (VARIANTS=light-en-1280,dark-zh-1920 SETS=normal,empty,huge,failing)
	@sh scripts/web.sh screenshots

bench-web: ## measure the pages of a release build in Chromium and write the figures into docs/benchmarks.md (five minutes)
	@sh scripts/web.sh bench

clean-data: ## delete ./data: the database, the logs and the first token
	rm -rf ./data
