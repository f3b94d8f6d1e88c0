#!/bin/sh
# Runs cargo with the build folder and linker that all verbs share.
. "$(dirname "$0")/environment.sh"

exec cargo "$@"
