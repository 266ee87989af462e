"""Starts and removes Kubernetes clusters on this machine, for the demo, the tests and people who develop.

Knows how to find or build the programs of Kubernetes, how to run them as one node with real containers or as a
control plane alone, and how to tell afterwards what belongs to which cluster. Must not know anything of wandbsweep:
it gives a cluster and a kubeconfig. Called as a program (`python hack/cluster`), never imported by the package.

A one-node cluster lives in a network namespace and a mount namespace of its own, joined to the machine by one pair
of virtual network cards. Its ports, packet filters and mounts are therefore its own, and the kernel takes them away
with its last process. Every process carries the cluster's folder in its environment; that mark, not a list of process
IDs that may be stale, says what belongs to a cluster. Read `cli.py` first, then `one_node.py`.
"""
