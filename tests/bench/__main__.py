"""`make bench`: what the operator costs in time and memory, measured on a control plane made for it."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from ending import measure_ending  # noqa: E402 - what is shared with the tests is found from here on
from latency import measure_latency  # noqa: E402 - what is shared with the tests is found from here on
from memory import measure_memory  # noqa: E402 - what is shared with the tests is found from here on
from surroundings import surroundings  # noqa: E402 - what is shared with the tests is found from here on


def main() -> None:
    """Each measurement prints its table when it is done. Whatever ends it, what it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="wandbsweep-bench-") as folder, surroundings(Path(folder)) as around:
        for measure in (measure_memory, measure_latency, measure_ending):
            for line in measure(around):
                sys.stdout.write(f"{line}\n")
            sys.stdout.write("\n")
            sys.stdout.flush()


main()
