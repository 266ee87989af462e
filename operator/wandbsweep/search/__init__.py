"""What proposes parameters where W&B's server does not: the engines of methods that W&B lacks.

The room knows what a sweep means and how a search goes on; it must not know Kubernetes. An engine is a library of its
own in a folder of its own, without a connection to anything.
"""
