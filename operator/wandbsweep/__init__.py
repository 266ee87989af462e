"""WandbSweep: W&B sweeps as Kubernetes objects, run by pools of GPU Jobs.

The rooms, in the order in which a sweep passes through them:

- api: WandbSweep as the user writes and reads it
- sweep: what a sweep definition means, and how a sampled value is spelt
- tracking: the only room that talks to a W&B server
- pool: from facts and a clock to what has to be done
- controller: kopf, Kubernetes, Events, metrics
- agent: what runs inside the training container
- server: the embedded W&B-compatible server
- cli: the command line

This module imports nothing, so that the agent's zipapp stays free of dependencies.
"""

__version__ = "0.1.0"
