"""`make plots`: draws the pictures of docs/search anew."""

import sys
from pathlib import Path

from plots.pictures import draw_all

draw_all(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/search"))
