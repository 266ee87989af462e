#!/bin/sh
# `wandbsweep install DIR [--with-wandb]` of an image without Python: copies the runtime that the image holds, with the
# wandb package only where it is asked for. Each file is complete when it appears under its name, so that doing it
# twice, or at once, is harmless.
set -eu

from=${WANDBSWEEP_RUNTIME_FOLDER:-/opt/wandbsweep}

usage() {
    echo "usage: wandbsweep install DIR [--with-wandb] (this image holds the agent runtime only)" >&2
    exit 2
}

[ "$#" -ge 2 ] && [ "$#" -le 3 ] && [ "$1" = install ] || usage
case ${3:---with-wandb} in --with-wandb) ;; *) usage ;; esac
case $2 in -* | '') usage ;; esac
to=$2

fail() {
    echo "wandbsweep install: $to cannot be written: $1" >&2
    exit 1
}

mkdir -p "$to" 2>/dev/null || fail "it cannot be made"
cd "$from"
find . -mindepth 1 -path ./wandb -prune -o -mindepth 1 -print | sort | while read -r path; do
    if [ -d "$path" ]; then
        { mkdir -p "$to/$path" && chmod 0755 "$to/$path"; } 2>/dev/null || fail "$path cannot be made"
        continue
    fi
    aside="$to/${path%/*}/.${path##*/}.$$"
    mode=0644
    [ -x "$path" ] && mode=0755
    { cp "$path" "$aside" && chmod "$mode" "$aside" && mv "$aside" "$to/$path"; } 2>/dev/null ||
        fail "$path cannot be copied"
done

if [ "$#" -eq 3 ] && [ -d wandb ] && [ ! -d "$to/wandb" ]; then
    aside="$to/.wandb.$$"
    { cp -R wandb "$aside" && chmod -R u=rwX,go=rX "$aside"; } 2>/dev/null || fail "wandb cannot be copied"
    # Another one that came first wrote the same.
    mv -T "$aside" "$to/wandb" 2>/dev/null || rm -rf "$aside"
fi
