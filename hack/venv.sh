#!/bin/sh
# Makes .venv with everything that developers, tests and the demo need, at the locked versions.
# Uses nothing but Python and the package index; on Debian it brings python3-venv along if that is missing.
set -eu

python=${PYTHON:-python3}
venv=${1:-.venv}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "error: $python is missing or older than 3.11; install Python 3.11 or newer, or set PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing python3-venv, which $python lacks"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
    else
        echo "error: $python cannot make virtual environments; install them first (Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
fi
if [ ! -x "$venv/bin/pip" ]; then
    "$python" -m venv "$venv"
fi
echo "installing the locked dependencies into $venv (about a minute when nothing is cached)"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch "$venv/.installed"
