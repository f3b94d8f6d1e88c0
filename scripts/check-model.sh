#!/bin/sh
# Checks the models of the ownership protocol: every configuration of docs/model/README.md has to have the outcome
# that its table says, the protocol itself as well as each mutant. `--all` adds the long ones (ten minutes, 4 GB).
. "$(dirname "$0")/environment.sh"

table=$(realpath docs/model/README.md)
models=$(realpath docs/model)
marks="quick history"
[ "${1:-}" = --all ] && marks="quick history long"

for program in spin gcc; do
    command -v "$program" >/dev/null 2>&1 && continue
    say "skipped: the model is not checked without $program"
    exit 0
done
# Counts are of one version of the checker; with another one only the outcome is compared.
counted=no
case "$(spin -V)" in *"Version 6.5.2"*) counted=yes ;; esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder" || exit 1

# What the checker prints of the assertion of each invariant.
assertion_of() {
    case "$1" in
    I1) echo 'owner==me' ;;
    I2) echo 'started\[' ;;
    I3) echo 'finals<=1' ;;
    I4) echo 'running==0' ;;
    I5) echo '(newest\[t\]>=b)' ;;
    I6) echo '!(dead\[me\])' ;;
    I7) echo 'pos==' ;;
    I8) echo 'silent\[' ;;
    H1) echo '!(lost)' ;;
    H2) echo 'restored' ;;
    H3) echo '(stored<acknowledged)' ;;
    *) echo "$table names no invariant $1" >&2 && exit 1 ;;
    esac
}

# check SWITCHES OUTCOME COUNT: runs one configuration and compares.
check() {
    # The checker finds the mutants at once, so for them the time of compilation counts.
    [ "$2" = green ] && effort=-O2 || effort=-O0
    # shellcheck disable=SC2086 # several switches on purpose
    spin $1 -a "$model" >/dev/null
    gcc "$effort" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=1024 -o pan pan.c
    # -E: Quiesce decides how a run ends. The depth and the table are bounds of memory, not of the search.
    ./pan -E -m1000000 -w24 >out 2>&1 || true
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' out)
    states=$(awk '/states, stored/ { print $1 }' out)
    outcome="green"
    [ "$errors" = 0 ] || outcome=$(sed -n 's/^pan:1: *//p' out | head -n 1)
    if [ "$2" = green ]; then
        [ "$errors" = 0 ] || wrong "$1" "should hold, but: $outcome"
        ! grep -q 'max search depth too small' out || wrong "$1" "the search was cut short"
    else
        printf '%s\n' "$outcome" | grep -q "$(assertion_of "$2")" || wrong "$1" "should break $2, but: $outcome"
    fi
    [ "$counted" = no ] || [ "$states" = "$3" ] ||
        wrong "$1" "$states states, the table says $3: the model changed; say why, and correct the table"
    printf '  %-44s %-6s %10s states\n' "${1:-the protocol}" "$2" "$states"
}

wrong() {
    say "the model: ${1:-the protocol}: $2" >&2
    tail -n 5 out >&2
    exit 1
}

say "the model of the ownership protocol"
checked=0
for mark in $marks; do
    model=$models/ownership.pml
    [ "$mark" = history ] && model=$models/history.pml
    sed -n "s/^| $mark | *\`\{0,1\}\([^|\`]*\)\`\{0,1\} *| *\([^| ]*\) *| *\([0-9 ]*\) *|.*/\1|\2|\3/p" "$table" |
        tr -s ' ' >"rows-$mark"
    while IFS='|' read -r switches outcome count; do
        switches=$(printf '%s' "$switches" | sed 's/^the protocol//; s/ *$//')
        check "$switches" "$outcome" "$(printf '%s' "$count" | tr -d ' ')" </dev/null
        checked=$((checked + 1))
    done <"rows-$mark"
done
[ "$checked" -ge 15 ] || { echo "only $checked configurations found in $table" >&2; exit 1; }
say "the model: $checked configurations as the table says"
