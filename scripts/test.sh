#!/bin/sh
# Everything that has to be green: one build, the tests of all crates, the checks of the built program and its pages.
. "$(dirname "$0")/environment.sh"

sh scripts/setup.sh tests

# The program embeds the pages, so they come first.
sh scripts/web.sh build --optional

say "building"
# shellcheck disable=SC2086 # several words on purpose
cargo build $BUILD

say "tests of all crates"
cargo test --workspace --locked

sh scripts/check-model.sh
sh scripts/check-contract.sh
PORPOISE_BIN="$BINARY" sh scripts/schemathesis.sh
PORPOISE_BIN="$BINARY" sh scripts/web.sh test --optional
say "all green"
