"""`make bench-search`: Protein against the engines that one could use instead, on trainings in miniature."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from search.engines import ENGINES, available  # noqa: E402 - the module is found from here on
from search.pace import pace  # noqa: E402 - see above
from search.record import Record  # noqa: E402 - see above
from search.report import report  # noqa: E402 - see above
from search.tasks import TASKS  # noqa: E402 - see above


def main() -> None:
    """Run each engine on each task with each seed, then print the medians."""
    options = read_options()
    engines = [name for name in options.engines.split(",") if available(name)]
    record = Record(options.record)
    searches = [(task, name, seed) for task in TASKS for seed in range(options.seeds) for name in engines]
    for number, (task, name, seed) in enumerate(searches, start=1):
        record.run(task, name, options.trials, seed)
        sys.stderr.write(f"\r{number} of {len(searches)} searches")
    sys.stderr.write("\n")
    for line in report(record, engines, options.trials, options.seeds):
        tell(line)
    if "protein" in engines:
        for line in pace(options.pace):
            tell(line)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40, help="trials of each search")
    parser.add_argument("--seeds", type=int, default=10, help="searches of each engine on each task")
    parser.add_argument("--engines", default=",".join(ENGINES), help="which, separated by commas")
    parser.add_argument("--pace", type=int, default=2000, help="time suggestions up to so many observations")
    parser.add_argument("--record", type=Path, help="a file that keeps each search's result; what it has is not run")
    return parser.parse_args()


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
