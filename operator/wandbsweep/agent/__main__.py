"""`python -m wandbsweep.agent`: the runtime from an installed package, without the rest of the house."""

import sys

from wandbsweep.agent.main import main

sys.exit(main(sys.argv[1:]))
