#!/bin/sh
# Installs what the tests need from outside: PostgreSQL's server programs, Consul, Python, Spin, iproute2, iptables.
# Safe to run again; touches the system only for what is missing, and only as root.
. "$(dirname "$0")/environment.sh"

updated=no
install() {
    if [ "$(id -u)" != 0 ]; then
        echo "missing: $1; install it, or run this script as root" >&2
        exit 1
    fi
    if [ "$updated" = no ]; then
        apt-get update -qq </dev/null
        updated=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

have_postgres() {
    for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && return 0
    done
    return 1
}

# Debian 12 has no consul package; the one of Debian 11 is a single program that runs there too.
install_consul() {
    if apt-cache policy consul 2>/dev/null | grep -q 'Candidate: [0-9]'; then
        install consul
        return
    fi
    mirror=$(sed -n -e 's/^URIs: *\([^ ]*debian\)\/* *$/\1/p' \
        -e 's/^deb  *\(\[[^]]*\] \)\{0,1\}\([^ ]*debian\)\/* .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1)
    if [ -z "$mirror" ]; then
        echo "missing: consul; no Debian mirror is configured to take it from" >&2
        exit 1
    fi
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] $mirror bullseye main" >/etc/apt/sources.list.d/porpoise-consul.list
    printf 'Package: *\nPin: release n=bullseye\nPin-Priority: -1\n\nPackage: consul\nPin: release n=bullseye\nPin-Priority: 500\n' \
        >/etc/apt/preferences.d/porpoise-consul
    updated=no
    install consul
}

have_postgres || { say "installing PostgreSQL's server programs"; install postgresql-15 postgresql-client-15; }
command -v consul >/dev/null 2>&1 || { say "installing Consul"; install_consul; }
python3 -c 'import ensurepip' >/dev/null 2>&1 || { say "installing Python"; install python3 python3-venv; }
# The checker of the ownership model; without it that check is skipped.
command -v spin >/dev/null 2>&1 || { say "installing Spin"; (install spin gcc libc6-dev) || say "Spin is not there"; }
# Networks that tests make and cut; only root can, so without it those tests are skipped.
if [ "$(id -u)" = 0 ]; then
    for program in ip:iproute2 ss:iproute2 iptables:iptables; do
        command -v "${program%%:*}" >/dev/null 2>&1 && continue
        say "installing ${program#*:}"
        (install "${program#*:}") || say "${program#*:} is not there"
    done
fi
say "PostgreSQL, Consul and Python are there"
