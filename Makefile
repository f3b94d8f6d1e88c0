# Every verb in one line; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run build test test-fast test-it contract model check fmt lint setup cluster compose-test bench bench-quick clean-data soak

help: ## list every verb
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build, and start a node on http://127.0.0.1:7070 with ./data
	@sh scripts/run.sh

build: ## build the program and its tests
	@sh scripts/cargo.sh build --workspace --all-targets --locked

test: ## everything: set up, build, all tests, contract and API checks
	@sh scripts/test.sh

test-fast: ## the tests of engine and actors, without any I/O
	@sh scripts/cargo.sh test --locked -p engine -p actors

test-it: ## the tests of the whole program in tests/it
	@sh scripts/cargo.sh test --locked --workspace --test it

contract: ## the black-box checks of the external contract, when they lie beside this repository
	@sh scripts/check-contract.sh

model: ## the model of the ownership protocol and its mutants, with Spin (docs/model)
	@sh scripts/check-model.sh

check: ## what the pipeline runs: format, lints, every test
	@.ci/run

fmt: ## format the source
	@sh scripts/cargo.sh fmt --all

lint: ## format check and clippy, without changes
	@sh scripts/lint.sh

setup: ## install what the tests need from outside (PostgreSQL, Consul, Python, Spin, iptables)
	@sh scripts/setup-tests.sh

cluster: ## a cluster in containers, its API on http://127.0.0.1:7070 (docs/cluster.md)
	@sh scripts/compose-secrets.sh
	@docker compose up --build

compose-test: ## start that cluster, kill the owner of an instance, and look whether it goes on
	@sh scripts/compose-test.sh

bench: ## measure every workload on a release build and write docs/benchmarks.md (about twelve minutes)
	@sh scripts/cargo.sh bench --locked --bench porpoise -- --write docs/benchmarks.md

soak: ## faults at random on a cluster for an hour, from a seed that is printed (PORPOISE_SEED repeats one)
	@PORPOISE_SOAK_SECONDS=$${PORPOISE_SOAK_SECONDS:-3600} sh scripts/cargo.sh test --locked --workspace --test cluster -- --nocapture random

bench-quick: ## the first three workloads at a tenth of their size on SQLite
	@sh scripts/cargo.sh bench --locked --bench porpoise -- --quick

clean-data: ## delete ./data: the database, the logs and the first token
	rm -rf ./data
