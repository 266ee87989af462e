"""`make bench`: what definitions and trials cost, how large a status is, what the operator costs on a control plane."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

sys.path[:0] = [str(Path(__file__).parents[1])]

from definitions import measure_definitions  # noqa: E402 - what is shared with the tests is found from here on
from ending import measure_ending  # noqa: E402 - what is shared with the tests is found from here on
from latency import measure_latency  # noqa: E402 - what is shared with the tests is found from here on
from memory import measure_memory  # noqa: E402 - what is shared with the tests is found from here on
from status_size import measure_status_size  # noqa: E402 - what is shared with the tests is found from here on
from surroundings import surroundings  # noqa: E402 - what is shared with the tests is found from here on


def main() -> None:
    """Each measurement prints its table when it is done. Whatever ends it, what it started is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tell(measure_definitions())
    tell(measure_status_size())
    with tempfile.TemporaryDirectory(prefix="wandbsweep-bench-") as folder, surroundings(Path(folder)) as around:
        for measure in (measure_memory, measure_latency, measure_ending):
            tell(measure(around))


def tell(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


main()
