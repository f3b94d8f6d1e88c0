#!/bin/sh
# One black-box check of check-contract.sh, whose output is printed at its end, so that those at once do not mix.
#   check-contract-file.sh sqlite|postgres FILE [CHECK...]
set -eu
database=$1
file=$2
shift 2
output="$PORPOISE_OUTPUT/$$"
status=0
DB="$database" python3 "$PORPOISE_CHECKS/$file" "$@" >"$output" 2>&1 || status=$?
printf '==> %s %s, %s\n' "$file" "$*" "$database"
cat "$output"
exit "$status"
