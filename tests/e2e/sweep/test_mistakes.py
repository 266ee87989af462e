"""A user's mistakes, as `kubectl describe` shows them on a real installation. All of them are listed, with the exact
words, in the integration tests; here are the two that need real containers.
"""

from __future__ import annotations

import pytest

from installed import a_cartpole_sweep
from waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_an_agent_whose_python_lacks_wandb_ends_with_its_own_code_and_a_remedy(installed, robots):
    manifest = a_cartpole_sweep(agentCount=1, maxRuns=2)
    trainer = manifest["spec"]["template"]["spec"]["containers"][0]
    trainer["image"] = installed.read_all(installed.namespace, "pods")[0]["spec"]["containers"][0]["image"]
    trainer.setdefault("env", []).append({"name": "WANDBSWEEP_PYTHON", "value": "/usr/bin/python3"})
    installed.apply(robots, manifest)

    def words():
        return [message for reason, message in installed.events(robots) if reason == "AgentFailed"]

    assert "wandb" in until(words, "the failed agent is told", seconds=180)[0]


def test_an_image_that_does_not_exist_is_told_by_the_object(installed, robots):
    manifest = a_cartpole_sweep(agentCount=1)
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/no-such-image:1"
    installed.apply(robots, manifest)

    def told():
        conditions = {c["type"]: c for c in installed.sweep(robots).get("conditions", [])}
        return "no-such-image" in conditions.get("AgentsReady", {}).get("message", "") or None

    until(told, "AgentsReady names the image", seconds=120)
