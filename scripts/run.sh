#!/bin/sh
# Builds the program and starts one node with every role on 127.0.0.1:7070 and ./data.
. "$(dirname "$0")/environment.sh"

sh scripts/web.sh build --optional
cargo build --locked --bin porpoise
exec "$BINARY" standalone "$@"
