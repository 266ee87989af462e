"""Builds the images of this repository: `python hack/images build`, with the standard library only."""

import sys

from image_builder.cli import main

sys.exit(main(sys.argv[1:]))
