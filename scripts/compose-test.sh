#!/bin/sh
# Starts the cluster of docker-compose.yml, kills the master that owns an instance, and checks that it continues.
# Uses the running Docker engine; otherwise, as root on Debian, installs one and runs it for the time of the test.
# PORPOISE_BIN names the program for the image where no image can be pulled; PORPOISE_KEEP=1 leaves the cluster.
. "$(dirname "$0")/environment.sh"

repository=$PWD
folder=$(mktemp -d)
engine=
started=no
cleanup() {
    status=$?
    [ "$status" = 0 ] || [ "$started" = no ] || print_diagnosis
    if [ "${PORPOISE_KEEP:-}" = 1 ]; then
        say "kept: DOCKER_HOST=${DOCKER_HOST:-} project $COMPOSE_PROJECT_NAME, files in $folder"
        return
    fi
    [ "$started" = no ] || compose down --volumes --timeout 10 >/dev/null 2>&1 || true
    stop_engine
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

compose() {
    if "$DOCKER" compose version >/dev/null 2>&1; then
        "$DOCKER" compose --project-directory "$repository" -f "$repository/docker-compose.yml" "$@"
    else
        docker-compose --project-directory "$repository" -f "$repository/docker-compose.yml" "$@"
    fi
}

# What a person needs to see why it failed.
print_diagnosis() {
    compose ps >&2 || true
    compose logs --tail 25 --no-color >&2 || true
}

install_engine() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "skipped: no Docker engine runs here, and it cannot be installed"
        exit 0
    fi
    say "installing Docker"
    apt-get update -qq </dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        docker.io docker-compose iptables debootstrap tini </dev/null >/dev/null
}

# An engine for this test alone, with its own data and socket; what it changes of the network is restored.
start_engine() {
    say "starting a Docker engine for this test"
    iptables-save >"$folder/rules"
    cat /proc/sys/net/ipv4/ip_forward >"$folder/forward"
    [ -e /sys/class/net/docker0 ] || touch "$folder/no-bridge"
    dockerd --data-root "$folder/engine" --exec-root "$folder/exec" --pidfile "$folder/pid" \
        -H "unix://$folder/socket" >"$folder/engine.log" 2>&1 &
    engine=$!
    DOCKER_HOST="unix://$folder/socket"
    export DOCKER_HOST
    for _ in $(seq 120); do
        ! "$DOCKER" info >/dev/null 2>&1 || return 0
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 20 "$folder/engine.log" >&2
    echo "the Docker engine did not start" >&2
    exit 1
}

stop_engine() {
    [ -n "$engine" ] || return 0
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    engine=
    iptables-restore <"$folder/rules" || true
    cat "$folder/forward" >/proc/sys/net/ipv4/ip_forward || true
    [ ! -e "$folder/no-bridge" ] || ip link delete docker0 2>/dev/null || true
}

# Debian's client, because another one earlier on the path may not work with Debian's engine.
DOCKER=docker
if ! docker info >/dev/null 2>&1; then
    { [ -x /usr/bin/docker ] && command -v dockerd >/dev/null; } || install_engine
    DOCKER=/usr/bin/docker
    "$DOCKER" info >/dev/null 2>&1 || start_engine
fi
export DOCKER

PORPOISE_SECRETS="$folder/secrets"
COMPOSE_PROJECT_NAME="porpoise-test-$$"
# One free port on loopback.
PORPOISE_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PORPOISE_SECRETS COMPOSE_PROJECT_NAME PORPOISE_PORT
sh scripts/compose-secrets.sh

# The images that the file names and the Dockerfile makes; or local ones, with the program that was built here.
if timeout 120 "$DOCKER" pull -q postgres:15 >/dev/null 2>&1; then
    say "building the image"
    PORPOISE_IMAGE="${PORPOISE_IMAGE:-porpoise}"
    export PORPOISE_IMAGE
    compose build --quiet master-1 >/dev/null
else
    say "no image can be pulled: building local ones from Debian's packages"
    command -v debootstrap >/dev/null || install_engine
    command -v consul >/dev/null || sh scripts/setup.sh
    sh scripts/compose-local-images.sh
    program="${PORPOISE_BIN:-$BINARY}"
    [ -x "$program" ] || cargo build --locked --bin porpoise
    say "the image of Porpoise is made of $program"
    "$DOCKER" build -q --target runtime --build-arg RUNTIME_IMAGE=porpoise-local/base \
        -t porpoise-local/runtime - <Dockerfile >/dev/null
    mkdir "$folder/image"
    cp "$program" "$folder/image/porpoise"
    printf 'FROM porpoise-local/runtime\nCOPY porpoise /usr/local/bin/porpoise\n' >"$folder/image/Dockerfile"
    "$DOCKER" build -q -t porpoise-local/porpoise "$folder/image" >/dev/null
    export PORPOISE_IMAGE=porpoise-local/porpoise
    export POSTGRES_IMAGE=porpoise-local/postgres CONSUL_IMAGE=porpoise-local/consul
fi

say "starting the cluster"
started=yes
compose up -d --no-build >/dev/null 2>"$folder/up.log" || { cat "$folder/up.log" >&2; exit 1; }
say "an instance runs, its owner is killed, another master takes over"
container_of() { compose ps -q "$1"; }
for name in master-1 master-2 master-3; do
    printf '%s %s\n' "$name" "$(container_of "$name")"
done >"$folder/containers"
python3 scripts/compose_failover.py "http://127.0.0.1:$PORPOISE_PORT" "$PORPOISE_SECRETS/bootstrap_token" "$folder/containers"
say "every instance was taken over and ended"
