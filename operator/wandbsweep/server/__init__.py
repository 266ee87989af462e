"""The embedded tracking server: enough of W&B's API for the stock SDK to run sweeps, over a real database.

Knows W&B's wire protocol; must not know Kubernetes or the operator.
"""
