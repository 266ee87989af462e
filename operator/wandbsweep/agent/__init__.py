"""Runs inside the training container: PID 1, the W&B agent, and the launcher of each trial.

Standard library only, because the image belongs to the user. Must not know Kubernetes or the operator.
"""
