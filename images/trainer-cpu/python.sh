#!/bin/bash
# Stands where Isaac Sim's own launcher stands, and behaves like it: the interpreter is a child of this shell,
# not its successor, and any failure of it is told as exit code 1.
set -e

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export ISAAC_PATH="$here"

fail() {
    echo "There was an error running python"
    exit 1
}

"$here/kit/python/bin/python3" "$@" || fail
