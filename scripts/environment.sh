# shellcheck shell=sh
# shellcheck disable=SC2034 # what is set here is used by the scripts that read this file
# Settings that every script shares; read it with `.`, do not run it.
# Sets the repository as the working directory and where cargo builds.

set -eu
cd "$(dirname "$0")/.."

# One build folder for all verbs, outside the source, so that a second clone beside this one reuses it.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${PORPOISE_TARGET:-$HOME/.cache/porpoise-target}}"
export CARGO_TARGET_DIR

# A faster linker, when the machine has one and RUSTFLAGS is not set.
if [ "${PORPOISE_LINKER:-}" = mold ] && command -v mold >/dev/null 2>&1 && [ -z "${RUSTFLAGS:-}" ]; then
    RUSTFLAGS="-C link-arg=-fuse-ld=mold"
    export RUSTFLAGS
fi

# The one way that everything is built, so that no verb rebuilds what another one built.
BUILD="--workspace --all-targets --locked"
BINARY="$CARGO_TARGET_DIR/debug/porpoise"

# Tests mostly wait for processes, so more of them than the machine has cores run at once.
RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(nproc 2>/dev/null || echo 2) * 2))}"
export RUST_TEST_THREADS

# Tools from PyPI live in a virtual environment outside the source; scripts/setup.sh installs them.
TOOLS="${XDG_CACHE_HOME:-$HOME/.cache}/porpoise-venv"

say() {
    printf '\033[1m==> %s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}

# find_tool NAME: prints its path, of the virtual environment or of the machine; fails where there is none.
find_tool() {
    if [ -x "$TOOLS/bin/$1" ]; then echo "$TOOLS/bin/$1"; else command -v "$1"; fi
}

# The first Debian archive that apt is configured with.
debian_mirror() {
    sed -n -e 's/^URIs: *\([^ ]*debian\)\/* *$/\1/p' \
        -e 's/^deb  *\(\[[^]]*\] \)\{0,1\}\([^ ]*debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1
}

has_node() {
    command -v npm >/dev/null 2>&1 && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

# Makes `node` and `npm` those of the machine, else those of scripts/setup.sh; fails where both are missing or old.
use_node() {
    has_node && return
    PATH="$TOOLS/node/bin:$PATH"
    export PATH
    has_node
}
