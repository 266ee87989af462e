#!/bin/sh
# The command of an agent's container: the runtime as its main process.
exec "$(dirname -- "$0")/wandbsweep" agent
