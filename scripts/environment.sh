# Settings that every script shares; read it with `.`, do not run it.
# Sets the repository as the working directory and where cargo builds.

set -eu
cd "$(dirname "$0")/.."

# One build folder for all verbs, outside the source, so that a clean clone next to this one is not built anew.
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${PORPOISE_TARGET:-$HOME/.cache/porpoise-target}}"
export CARGO_TARGET_DIR

# A faster linker, when the machine has one and nobody chose flags.
if [ "${PORPOISE_LINKER:-}" = mold ] && command -v mold >/dev/null 2>&1 && [ -z "${RUSTFLAGS:-}" ]; then
    RUSTFLAGS="-C link-arg=-fuse-ld=mold"
    export RUSTFLAGS
fi

# The one way that everything is built, so that no verb rebuilds what another one built.
BUILD="--workspace --all-targets --locked"
BINARY="$CARGO_TARGET_DIR/debug/porpoise"

say() {
    printf '\033[1m==> %s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}
