#!/bin/sh
# Builds the program and starts one node with every role on 127.0.0.1:7070 and ./data. While its first user has no
# password it prints a link that sets one.
. "$(dirname "$0")/environment.sh"

sh scripts/web.sh build --optional
cargo build --locked --bin porpoise

# The node takes the place of this script, so that it gets the signals; the link comes from beside it.
print_setup_link() {
    tries=0
    # 6: the node does not answer yet.
    while [ "$tries" -lt 60 ]; do
        status=0
        link="$("$BINARY" setup-link --if-no-password 2>/dev/null)" || status=$?
        [ "$status" -eq 6 ] || break
        tries=$((tries + 1))
        sleep 1
    done
    if [ "$status" -eq 0 ] && [ -n "$link" ]; then
        say "Set the password of the user admin within ten minutes: $link"
    fi
}
print_setup_link &

exec "$BINARY" standalone "$@"
