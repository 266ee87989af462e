"""The embedded tracking server: enough of W&B's API for the stock SDK to run sweeps, over a real database.

Knows: W&B's wire protocol, the life of sweeps, agents and runs, and how to propose the next run.
Must not know: Kubernetes, the operator, or how a trainer is started.
Called by: the wandb SDK over HTTP (agents, trainers, `wandb.Api`), a browser, and the command line that starts it.
Read first: `app.py` for the routes, then `dispatch.py`, where an agent's heartbeat becomes its next command.
"""
