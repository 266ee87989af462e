"""The operator is killed at each moment that matters; another one takes over, and nothing is doubled or lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from places import a_grid
from proxies import Call, Fate
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def claims(call: Call) -> bool:
    return call.method == "PATCH" and call.says("wandbsweep.dev/sweep-intent") and not call.path.endswith("/status")


def creates_sweep(call: Call) -> bool:
    return call.path == "/graphql" and call.says("mutation", "method: grid")


def writes_status(call: Call) -> bool:
    return call.method == "PATCH" and call.path.endswith("/status")


def writes_id(call: Call) -> bool:
    return writes_status(call) and call.says("sweepID")


def writes_counts(call: Call) -> bool:
    return writes_status(call) and call.says('"running":') and not call.says("completionTime")


def writes_verdict(call: Call) -> bool:
    return writes_status(call) and call.says("completionTime")


def creates_first_job(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/jobs") and call.says("anymal-0-0")


def creates_second_job(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/jobs") and call.says("anymal-1-0")


def deletes_job(call: Call) -> bool:
    return call.method == "DELETE" and "/jobs/" in call.path


MOMENTS = {
    "before the object is claimed": (claims, Fate.NEVER_SENT),
    "after the object is claimed": (claims, Fate.ANSWER_LOST),
    "before the sweep is created": (creates_sweep, Fate.NEVER_SENT),
    "after the sweep is created": (creates_sweep, Fate.ANSWER_LOST),
    "before the ID is written": (writes_id, Fate.NEVER_SENT),
    "after the ID is written": (writes_id, Fate.ANSWER_LOST),
    "after the first Job is created": (creates_first_job, Fate.ANSWER_LOST),
    "before the second Job is created": (creates_second_job, Fate.NEVER_SENT),
    "before runs are counted": (writes_counts, Fate.NEVER_SENT),
    "before a Job is deleted": (deletes_job, Fate.NEVER_SENT),
    "after a Job is deleted": (deletes_job, Fate.ANSWER_LOST),
    "before the verdict is written": (writes_verdict, Fate.NEVER_SENT),
}


def is_for_real(call: Call) -> bool:
    return "dryRun" not in call.query


@dataclass
class Death:
    """Kills the operator once, and tells when it has."""

    operator: object
    came: bool = False

    def __call__(self) -> None:
        self.operator.kill()
        self.came = True


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_operator_that_is_killed_is_made_good_by_the_next(
    moment, proxied_operator, place, node_for, kubernetes_between, wandb_between
):
    node_for(place, WANDB_BASE_URL=place.server.url)
    matches, fate = MOMENTS[moment]
    death = Death(proxied_operator)
    for between in (kubernetes_between, wandb_between):
        between.rule(lambda call: not death.came and is_for_real(call) and matches(call), fate, then=death)
    place.apply(sweep=a_grid(0.1, 0.2), agentCount=2)
    until(lambda: death.came, f"the operator was killed {moment}", seconds=60)

    proxied_operator.start()

    def complete():
        slots = Counter(job["metadata"]["labels"]["wandbsweep.dev/slot"] for job in place.jobs() if is_going(job))
        assert max(slots.values(), default=1) == 1, f"several Jobs in one slot: {slots}"
        return place.condition("Complete").get("status") == "True"

    until(complete, "the sweep is complete", seconds=90)
    (sweep,) = place.sweeps()
    status = place.status()
    assert status["sweepID"] == sweep["name"]
    assert status["runs"]["summary"] == "2/2"
    until(lambda: not place.jobs() and not place.pods(), "no Job and no pod is left")
    assert "Traceback" not in proxied_operator.log


def is_going(job):
    return not job.get("status", {}).get("conditions")
