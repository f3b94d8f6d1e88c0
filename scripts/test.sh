#!/bin/sh
# Everything that has to be green: one build, the tests of all crates, the checks of the built program.
. "$(dirname "$0")/environment.sh"

sh scripts/setup.sh tests

say "building"
# shellcheck disable=SC2086 # several words on purpose
cargo build $BUILD

say "tests of all crates"
cargo test --workspace --locked

sh scripts/check-model.sh
sh scripts/check-contract.sh
PORPOISE_BIN="$BINARY" sh scripts/schemathesis.sh
say "all green"
