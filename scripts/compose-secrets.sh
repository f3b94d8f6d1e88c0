#!/bin/sh
# Creates the secrets of docker-compose.yml in ./secrets (or PORPOISE_SECRETS); never overwrites one.
. "$(dirname "$0")/environment.sh"

folder="${PORPOISE_SECRETS:-./secrets}"
mkdir -p "$folder"
# The folder keeps other users out. The files have to be readable by the user inside the containers.
chmod 700 "$folder"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep() {
    [ -s "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"
    chmod 644 "$folder/$1"
}

keep postgres_password "$(random)"
keep database_url "postgres://porpoise:$(cat "$folder/postgres_password")@postgres:5432/porpoise"
keep cluster_secret "$(random)"
keep bootstrap_token "$(random)"
