#!/bin/sh
# Starts the runtime with the first Python of this image that is new enough. The runtime needs nothing but the standard
# library, so it runs isolated (-I) from the user's search paths. A script in front of an interpreter, as Isaac Sim has
# it, is asked for the interpreter, because signals must reach the runtime itself.
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 25
for candidate in "${WANDBSWEEP_PYTHON:-}" python3 /isaac-sim/kit/python/bin/python3 python /isaac-sim/python.sh; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    python=$("$candidate" -I -c 'import sys; sys.version_info >= (3, 10) and print("\n" + sys.executable)' \
        2>/dev/null </dev/null) || continue
    python=${python##*
}
    [ -x "$python" ] && exec "$python" -I "$here/wandbsweep.pyz" "$@"
done
message='no Python 3.10 or newer was found in this image: add one with wandb, or set WANDBSWEEP_PYTHON'
echo "wandbsweep: $message (exit code 25, WandbMissing)" >&2
log=${WANDBSWEEP_TERMINATION_LOG:-/dev/termination-log}
if [ "${1:-}" = agent ] && [ -w "$log" ]; then
    printf '{"reason": "WandbMissing", "message": "%s", "runs": {"finished": 0, "failed": 0, "stopped": 0, "preempted": 0}}\n' \
        "$message" >"$log"
fi
exit 25
