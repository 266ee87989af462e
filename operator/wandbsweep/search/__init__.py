"""What proposes parameters where W&B's server does not: engines, and the process that runs one for a sweep.

The room knows what a sweep means, how a search goes on, and W&B's scheduler; it must not know Kubernetes. The command
line starts a session (`session.py`, where to begin reading), which waits for the lease, and has W&B's scheduler drive
the guard (`guard.py`) around an engine. Protein is a library of its own in a folder of its own, without a connection to
anything.
"""
