#!/bin/sh
# Everything that has to be green: one build, the tests of all crates, the checks of the built program and its pages.
. "$(dirname "$0")/environment.sh"

report=$(mktemp)
trap 'rm -f "$report"' EXIT

# phase NAME COMMAND...: runs a part, and notes how long it took.
phase() {
    name=$1
    shift
    say "$name"
    begun=$(date +%s)
    "$@"
    printf '  %5d s  %s\n' "$(($(date +%s) - begun))" "$name" >>"$report"
}

phase "what the tests need" sh scripts/setup.sh tests
# The program embeds the pages, so they come first.
phase "pages of the web UI" sh scripts/web.sh build --optional
# shellcheck disable=SC2086 # several words on purpose
phase "build" cargo build $BUILD
phase "tests of all crates" cargo test --workspace --locked
phase "model of the ownership protocol" sh scripts/check-model.sh
phase "contract" sh scripts/check-contract.sh
PORPOISE_BIN="$BINARY"
export PORPOISE_BIN
phase "API against its description" sh scripts/schemathesis.sh
phase "web UI in a browser" sh scripts/web.sh test --optional
say "all green"
cat "$report"
