"""`make demo`: from nothing to trained policies on a cluster of its own; `make demo-down` removes it."""

import sys

from demo.cli import main

sys.exit(main(sys.argv[1:]))
