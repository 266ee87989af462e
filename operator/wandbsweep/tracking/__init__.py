"""The only room that talks to a W&B server: create, find, read, and set the state of sweeps.

Knows the SDK and the GraphQL fields it asks for; must not know Kubernetes. The controller calls it through one
small protocol.
"""
