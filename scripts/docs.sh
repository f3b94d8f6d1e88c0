#!/bin/sh
# Builds the documentation of our crates; a warning is an error.
. "$(dirname "$0")/environment.sh"

say "documentation"
RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings"
export RUSTDOCFLAGS
cargo doc --workspace --no-deps --locked
say "documentation is in $CARGO_TARGET_DIR/doc"
