#!/bin/sh
# Black-box checks of the external contract against the built program. They are not part of this repository.
#   check-contract.sh                every check
#   check-contract.sh CHECK...       the checks of that name, of a single node on SQLite
# PORPOISE_CHECKS names their folder, ../shared/check unless set.
. "$(dirname "$0")/environment.sh"

checks="${PORPOISE_CHECKS:-../shared/check}"
if [ ! -f "$checks/contract_check.py" ]; then
    say "skipped: the contract checks are not here ($checks)"
    exit 0
fi
[ -x "$BINARY" ] || cargo build --workspace --all-targets --locked
export PORPOISE_BIN="$BINARY"
if [ $# -gt 0 ]; then
    for name in "$@"; do
        file="$(grep -l "^def $name(" "$checks"/*_check.py | head -n 1)"
        python3 "${file:?no check is called $name}" "$name"
    done
    exit 0
fi

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
export PORPOISE_CHECKS="$checks" PORPOISE_OUTPUT="$folder"

# They mostly wait, so four of them run at once. A line is a database, a file, and the checks in it (all unless named).
# Checks of task types that do not exist yet stand among the connectors.
say "contract checks, on both databases and on clusters"
status=0
xargs -P 4 -L 1 sh scripts/check-contract-file.sh <<'EOF' || status=$?
sqlite time_check.py
postgres time_check.py
sqlite contract_check.py
sqlite logic_check.py
postgres logic_check.py
sqlite limits_check.py
postgres limits_check.py
sqlite connectors_check.py secrets_stored secrets_masked secrets_key secrets_without_key connections_stored connections_tested connections_to_hosts connections_shared
postgres connectors_check.py secrets_stored secrets_masked secrets_key secrets_without_key connections_stored connections_tested connections_to_hosts connections_shared
sqlite contract_check.py cluster_failover
sqlite time_check.py cluster_time
sqlite logic_check.py cluster
sqlite limits_check.py cluster
EOF
[ "$status" = 0 ] || { echo "a check of the contract failed" >&2; exit 1; }
