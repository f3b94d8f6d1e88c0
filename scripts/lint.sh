#!/bin/sh
# Format and lints; changes nothing.
. "$(dirname "$0")/environment.sh"

say "format"
cargo fmt --all -- --check
say "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
