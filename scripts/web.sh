#!/bin/sh
# Builds or tests the web UI: web.sh build [--optional] | test
# With `--optional` a machine without Node is no failure: the program is then built without pages.
. "$(dirname "$0")/environment.sh"

if ! command -v npm >/dev/null 2>&1; then
    say "web: no Node on this machine, so this build has no pages (Node 20 or later builds them)"
    [ "${2:-}" = --optional ]
    exit
fi

cd web
[ -n "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ] || npm ci --silent

case "${1:-}" in
build)
    npm run --silent build
    ;;
test)
    npm run --silent lint
    npm run --silent test
    npm run --silent build
    if [ -z "${PORPOISE_BIN:-}" ]; then
        sh ../scripts/cargo.sh build --locked --bin porpoise
        PORPOISE_BIN="$BINARY"
    fi
    export PORPOISE_BIN
    npm run --silent browser
    ;;
*)
    echo "web.sh build [--optional] | test" >&2
    exit 2
    ;;
esac
