#!/bin/sh
# Format and lints of everything that is written here; changes nothing. What needs no compiler runs first.
. "$(dirname "$0")/environment.sh"

# skip NAME: says that a check does not run, because its program is not here.
skip() {
    say "skipped: $1 is not installed (\`make setup\` installs it)"
}

say "format"
cargo fmt --all -- --check

if shellcheck=$(find_tool shellcheck); then
    say "shell scripts"
    "$shellcheck" scripts/*.sh .ci/run
else
    skip shellcheck
fi

if ruff=$(find_tool ruff); then
    say "Python scripts"
    "$ruff" check --quiet --no-cache scripts
else
    skip ruff
fi

say "the web UI"
sh scripts/web.sh lint --optional

# Advisories need a network and are no property of the source, so they are not among the checks.
if deny=$(find_tool cargo-deny); then
    say "licences, duplicates and sources of dependencies"
    "$deny" --log-level error --locked check --hide-inclusion-graph bans licenses sources
else
    skip cargo-deny
fi

say "clippy"
cargo clippy --workspace --all-targets --locked -- -D warnings

sh scripts/docs.sh
