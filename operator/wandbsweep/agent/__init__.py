"""Runs inside the training container: PID 1, the W&B agent, and the launcher of each trial.

Knows processes, signals and the environment of one container; standard library only, because the image belongs to the
user. Must not know Kubernetes objects or the operator: it is told everything by environment variables and tells
everything by its exit code and a termination message. The container's command and the W&B sweep's command call it, from
the bundle that `install` writes. Start with the subcommands, then the supervisor and the trial.
"""
