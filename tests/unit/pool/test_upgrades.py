"""A newer operator finds nothing changed in what an older one made: no sweep is made anew, and no agent replaced.

The digests here were written by the release before. Where one has to change, every pool of every user is rolled once.
"""

from __future__ import annotations

import pytest

from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.pool.jobs import template_digest
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.wandb_config import definition_digest

POOL = {
    "project": "anymal",
    "agentCount": 8,
    "runsPerAgent": 3,
    "sweep": {"method": "random"},
    "trial": {"stallTimeoutSeconds": 900},
    "checkpoint": {"claimName": "checkpoints"},
    "wandb": {"baseURL": "https://wandb.lab.example.com"},
    "template": {
        "spec": {
            "containers": [
                {"name": "trainer", "image": "lab/isaac:1", "resources": {"limits": {"nvidia.com/gpu": 1}}},
            ]
        }
    },
}
BAYES = {
    "method": "bayes",
    "program": "train.py",
    "metric": {"name": "reward", "goal": "maximize"},
    "parameters": {"lr": {"min": 0.0001, "max": 0.1, "distribution": "log_uniform_values"}, "layers": {"value": 3}},
}
SCAN = {
    "method": "scan",
    "command": ["python", "train.py", "${args}"],
    "parameters": [{"key": "train.lr", "name": "plr", "values": [0.001, 0.0001]}],
}


def test_agents_of_the_release_before_are_not_replaced():
    assert template_digest(WandbSweepSpec.model_validate(POOL)) == "cafd852987b5"


@pytest.mark.parametrize(
    ("definition", "written"), [(BAYES, "e69982ef3d78"), (SCAN, "254ad6084f5e")], ids=["bayes", "scan"]
)
def test_sweeps_of_the_release_before_are_not_made_anew(definition, written):
    read = read_definition(definition, field="spec.sweep")
    assert definition_digest(read, entity="lab", project="anymal") == written
