#!/bin/sh
# Black-box checks of the external contract against the built program. They are not part of this repository.
#   check-contract.sh                every check
#   check-contract.sh CHECK...       the checks of that name
# PORPOISE_CHECKS names their folder, ../shared/check unless set.
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
# Without a name only the checks of a single node run.
[ $# -gt 0 ] || python3 "$checks" cluster_failover
