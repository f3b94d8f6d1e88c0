#!/bin/sh
# The black-box checks of the external contract against the built program; they lie beside this repository.
. "$(dirname "$0")/environment.sh"

checks="${PORPOISE_CHECKS:-../shared/check}/contract_check.py"
if [ ! -f "$checks" ]; then
    say "skipped: the contract checks are not here ($checks)"
    exit 0
fi
[ -x "$BINARY" ] || cargo build --workspace --all-targets --locked
say "contract checks"
export PORPOISE_BIN="$BINARY"
python3 "$checks" "$@"
# It is not among those that run without a name.
[ $# -gt 0 ] || python3 "$checks" cluster_failover
