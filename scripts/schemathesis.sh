#!/bin/sh
# Compares the REST interface with its own description, on a node of its own, in two minutes at most.
# PORPOISE_BIN names the program; PORPOISE_EXAMPLES is how many requests each operation gets.
. "$(dirname "$0")/environment.sh"

BINARY=$(realpath "${PORPOISE_BIN:-$BINARY}")
schemathesis=$(find_tool schemathesis) || { echo "schemathesis is not installed: run \`make setup\`" >&2; exit 1; }

folder=$(mktemp -d)
node=
cleanup() {
    [ -z "$node" ] || kill "$node" 2>/dev/null || true
    [ -z "$node" ] || wait "$node" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

PORPOISE__AUTH__BOOTSTRAP_TOKEN=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
export PORPOISE__AUTH__BOOTSTRAP_TOKEN
"$BINARY" standalone --data "$folder/data" --listen 127.0.0.1:0 >"$folder/out" 2>&1 &
node=$!
url=
for _ in $(seq 300); do
    url=$(sed -n 's/.*"msg":"porpoise ready".*"url":"\([^"]*\)".*/\1/p; s/.*"url":"\([^"]*\)".*"msg":"porpoise ready".*/\1/p' "$folder/out" | head -n 1)
    [ -z "$url" ] || break
    kill -0 "$node" 2>/dev/null || break
    sleep 0.1
done
[ -n "$url" ] || { cat "$folder/out" >&2; echo "the node did not become ready" >&2; exit 1; }

# Something to find: a workflow, and an instance that has ended.
printf 'version: 1\nname: hello\ntasks:\n  say: { type: shell, run: echo hello }\n' >"$folder/hello.yaml"
export PORPOISE_URL="$url" PORPOISE_TOKEN="$PORPOISE__AUTH__BOOTSTRAP_TOKEN"
"$BINARY" workflow apply -f "$folder/hello.yaml" >/dev/null
"$BINARY" run hello --wait >/dev/null

# Left out: what would end the node or the token in use, and the streams, which have no end to wait for.
say "requests made of the description, to $url"
cd "$folder" || exit 1
NO_PROXY=127.0.0.1 "$schemathesis" run "$url/api/openapi.json" \
    --header "Authorization: Bearer $PORPOISE__AUTH__BOOTSTRAP_TOKEN" \
    --checks not_a_server_error,status_code_conformance,response_schema_conformance,content_type_conformance \
    --exclude-path-regex '/drain$|/logout$|/stream$' \
    --exclude-operation-id delete_token --exclude-operation-id edit_user --exclude-operation-id delete_user \
    --phases examples,coverage,fuzzing --max-examples "${PORPOISE_EXAMPLES:-8}" --request-timeout 20 \
    --suppress-health-check all --warnings off --continue-on-failure --no-shrink --seed "${PORPOISE_SEED:-1}"
