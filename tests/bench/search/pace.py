"""How long a suggestion takes, the more trials are known the longer."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from search.engines import parameters_of
from search.tasks import TASKS

from wandbsweep.search.protein import Protein
from wandbsweep.search.protein.coordinates import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

_KNOWN = (0, 20, 200, 1000, 2000)
_ASKED = 5


def pace(most: int) -> Iterator[str]:
    """The first task, with the results of random trials; processor time, so that other work does not count."""
    task = TASKS[0]
    layout = Layout.of(parameters_of(task))
    rng = np.random.default_rng(0)
    yield ""
    yield "processor seconds for a suggestion of protein, by the trials known"
    for known in (known for known in _KNOWN if known <= most):
        protein = Protein(task.parameters, goal=task.goal)
        for places in layout.spread(rng.uniform(size=(known, len(layout.axes)))):
            values = layout.values(places)
            outcome = task.run(values)
            score = outcome.score + rng.normal(0, task.score_noise)
            protein.tell_existing(values, score, outcome.cost, failed=outcome.failed)
        spent = []
        for _ in range(_ASKED):
            began = time.process_time()
            protein.ask()
            spent.append(time.process_time() - began)
        yield f"  {known:>24}{median(spent):>13.3f}"
