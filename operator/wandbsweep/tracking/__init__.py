"""The only room that talks to a W&B server: create, find, read, and set the state of sweeps.

It knows W&B's GraphQL fields, and the address and key that each call brings along; it remembers nothing of a sweep but
its metric. It must not know Kubernetes, nor what a sweep means. The controller calls it through one small protocol;
read `protocol.py` first, then `errors.py`, then the tracker itself.
"""
