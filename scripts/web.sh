#!/bin/sh
# Builds and tests the web UI.
#   web.sh build [--optional]    web/dist, unless it is newer than what it is made of
#   web.sh lint [--optional]     types and eslint
#   web.sh test [--optional]     unit tests, the types of the API, browser tests; of PORPOISE_BIN, else of a new build
#   web.sh bench                 how fast the pages of a release build are, into docs/benchmarks.md
#   web.sh screenshots           pictures of pages into web/screenshots
#   web.sh client                the types of the API, written again
# With `--optional` a machine without Node or Chromium is no failure: there is less then, and one line says what.
. "$(dirname "$0")/environment.sh"

optional="${2:-}"

# missing WHAT WITHOUT: ends the script.
missing() {
    say "web: no $1 on this machine, so $2 (\`make setup\` installs it)"
    [ "$optional" = --optional ]
    exit
}

build() {
    [ -n "$(find dist/index.html 2>/dev/null)" ] &&
        [ -z "$(find src public index.html vite.config.ts package-lock.json -newer dist/index.html)" ] && return
    say "pages of the web UI"
    npm run --silent build
}

need_program() {
    [ -z "${PORPOISE_BIN:-}" ] || return 0
    build
    # shellcheck disable=SC2086 # several words on purpose
    (cd .. && cargo build $BUILD)
    export PORPOISE_BIN="$BINARY"
}

use_node || missing "Node 20.19 or later" "this build has no pages and they are not tested"
cd web
[ -n "$(find node_modules/.package-lock.json -newer package-lock.json 2>/dev/null)" ] || npm ci --silent

case "${1:-}" in
build)
    build
    ;;
lint)
    npm run --silent lint
    ;;
test)
    say "unit tests of the web UI"
    npm run --silent test
    need_program
    say "the types of the API"
    npm run --silent client -- --check
    CHROMIUM="${CHROMIUM:-$(command -v chromium || true)}"
    [ -n "$CHROMIUM" ] || missing Chromium "pages are not tried in a browser"
    export CHROMIUM
    say "browser tests"
    npm run --silent browser
    ;;
bench)
    if [ -z "${PORPOISE_BIN:-}" ]; then
        build
        (cd .. && cargo build --release --locked --bin porpoise)
        export PORPOISE_BIN="$CARGO_TARGET_DIR/release/porpoise"
    fi
    npm run --silent bench -- --write
    ;;
screenshots)
    need_program
    npm run --silent screenshots
    ;;
client)
    need_program
    npm run --silent client
    ;;
*)
    sed -n '2,9s/^# //p' ../scripts/web.sh >&2
    exit 2
    ;;
esac
