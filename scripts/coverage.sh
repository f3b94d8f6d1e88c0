#!/bin/sh
# Runs tests with the compiler's instrumentation; prints covered lines by file. A build folder of its own.
#   coverage.sh              all crates
#   coverage.sh -p engine    the crates that cargo's arguments name
. "$(dirname "$0")/environment.sh"

sh scripts/setup.sh coverage
cov=$(find_tool cargo-llvm-cov) || { echo "coverage needs cargo-llvm-cov" >&2; exit 1; }
[ $# -gt 0 ] || set -- --workspace
export CARGO_LLVM_COV_TARGET_DIR="$CARGO_TARGET_DIR/coverage"
say "tests with coverage"
"$cov" llvm-cov --locked --ignore-filename-regex '/tests/|/tests\.rs$' "$@"
