"""The only room that talks to a W&B server: create, find, read and change sweeps, and ask what their agents are at.

It knows W&B's GraphQL fields, and the address and key that each call brings along; it remembers nothing of a sweep but
what to ask it for. It must not know Kubernetes, nor what a sweep or a tag of a run means. The controller calls it
through one small protocol; read `protocol.py` first, then `errors.py`, then the tracker itself.
"""
