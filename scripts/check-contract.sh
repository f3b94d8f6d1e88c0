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

say "contract checks: nodes, instances, tasks"
python3 "$checks/contract_check.py"
python3 "$checks/contract_check.py" cluster_failover

output="$(mktemp)"
trap 'rm -f "$output"' EXIT

# They mostly wait, so both databases are tried at once.
# check_both_databases FILE [CHECK...]: runs the checks of a single node in a file on SQLite and on PostgreSQL.
check_both_databases() {
    file="$checks/$1"
    shift
    DB=postgres python3 "$file" "$@" >"$output" 2>&1 &
    postgres=$!
    sqlite_status=0
    python3 "$file" "$@" || sqlite_status=$?
    postgres_status=0
    wait "$postgres" || postgres_status=$?
    say "the same on PostgreSQL"
    cat "$output"
    [ "$sqlite_status" -eq 0 ] && [ "$postgres_status" -eq 0 ]
}

say "contract checks: schedules, calendars, backfills, retention"
check_both_databases time_check.py
python3 "$checks/time_check.py" cluster_time

say "contract checks: edges, logic tasks, approvals"
check_both_databases logic_check.py
python3 "$checks/logic_check.py" cluster

say "contract checks: single tasks, limits, explanations, lists"
check_both_databases limits_check.py
python3 "$checks/limits_check.py" cluster

say "contract checks: secrets, connections"
# Checks of task types that do not exist yet stand in the same file.
check_both_databases connectors_check.py secrets_stored secrets_masked secrets_key secrets_without_key \
    connections_stored connections_tested connections_to_hosts connections_shared
