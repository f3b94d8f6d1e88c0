#!/bin/sh
# Builds local replacements for the images that docker-compose.yml names, where none can be pulled: Debian's own
# packages on a base that debootstrap makes. For tests; called by compose-test.sh with DOCKER set.
# Makes porpoise-local/base, /postgres and /consul. The base is kept in the cache folder for the next time.
. "$(dirname "$0")/environment.sh"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/porpoise-local-images"
# shellcheck disable=SC1091 # a file of the system
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
archive="$cache/base-$release.tar"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# The same release as this machine's, so that a program that was built here runs there.
make_base() {
    say "a base of Debian $release, with PostgreSQL (two minutes, once)"
    debootstrap --variant=minbase --include=ca-certificates,python3-minimal,passwd \
        "$release" "$folder/base" "$(debian_mirror)" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; exit 1; }
    # No service is started inside.
    printf '#!/bin/sh\nexit 101\n' >"$folder/base/usr/sbin/policy-rc.d"
    chmod 755 "$folder/base/usr/sbin/policy-rc.d"
    chroot "$folder/base" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        python3 postgresql-15 && apt-get clean' >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; exit 1; }
    rm -rf "$folder/base/var/lib/apt/lists" "$folder/base/usr/share/doc" "$folder/base/usr/share/locale"
    mkdir -p "$cache"
    tar -C "$folder/base" -cf "$archive.new" .
    mv "$archive.new" "$archive"
}

# What the official image does with its variables, and no more.
postgres_entry() {
    cat <<'ENTRY'
#!/bin/sh
set -eu
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
    initdb -D "$data" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    pg_ctl -D "$data" -o "-c listen_addresses='' -k /tmp" -w start
    psql -h /tmp -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
    pg_ctl -D "$data" -m fast -w stop
fi
exec postgres -D "$data" -c listen_addresses='*' -k /tmp
ENTRY
}

[ -s "$archive" ] || make_base
"$DOCKER" import "$archive" porpoise-local/base >/dev/null

mkdir "$folder/postgres" "$folder/consul"
postgres_entry >"$folder/postgres/entry"
cat >"$folder/postgres/Dockerfile" <<'EOF2'
FROM porpoise-local/base
COPY entry /usr/local/bin/entry
RUN chmod 755 /usr/local/bin/entry && install -d -o postgres -m 0700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
USER postgres
ENTRYPOINT ["entry"]
EOF2
cp "$(command -v consul)" "$folder/consul/consul"
printf 'FROM porpoise-local/base\nCOPY consul /usr/local/bin/consul\nENTRYPOINT ["consul"]\n' >"$folder/consul/Dockerfile"
for image in postgres consul; do
    "$DOCKER" build -q -t "porpoise-local/$image" "$folder/$image" >/dev/null
done
