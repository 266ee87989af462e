"""A Kubernetes cluster on this machine: `python hack/cluster up --name NAME`, with the standard library only."""

import sys

if sys.version_info < (3, 11):  # told before an import can fail on it
    sys.exit(f"hack/cluster needs Python 3.11 or newer, this is {sys.version.split()[0]}: try python3.11 hack/cluster")

from local_cluster.cli import main

sys.exit(main(sys.argv[1:]))
