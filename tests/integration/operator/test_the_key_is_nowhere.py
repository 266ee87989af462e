"""A tenant's key is seen nowhere but in its Secret, over a life in which all goes wrong that can."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from places import a_grid

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

WRONG = "fedcba9876543210fedcba9876543210fedcba98"
# The last words of such a trainer are what agents quote when a run fails.
TELLS = "import os, sys; sys.exit('cannot log in with ' + os.environ['WANDB_API_KEY'])"
KINDS = "wandbsweeps,jobs,pods,events,configmaps,persistentvolumeclaims,serviceaccounts"


def test_a_key_is_seen_nowhere_whatever_goes_wrong(
    proxied_operator, place, node_for, kubernetes_between, wandb_between
):
    node_for(place, WANDB_BASE_URL=place.server.url)
    place.give_key(WRONG)
    place.apply("refused")
    place.until_condition("WandbReachable", "False", reason="APIKeyInvalid", name="refused")
    place.give_key()
    tells = {**a_grid(0.1, 0.2, 0.3), "command": [sys.executable, "-c", TELLS]}
    place.apply("tells", sweep=tells, limits={"maxFailedRuns": 1})
    place.until_condition("Failed", name="tells", seconds=180)
    shown = everything(place, proxied_operator)
    wandb_between.go_down()
    place.apply("unreached")
    place.until_condition("WandbReachable", "False", reason="ServerUnreachable", name="unreached", seconds=120)
    wandb_between.come_back()
    place.until_condition("SweepCreated", name="unreached", seconds=120)
    place.edit("unreached", suspend=True)
    place.until_condition("Suspended", name="unreached", seconds=120)
    place.delete("unreached")
    place.until_gone("unreached", seconds=120)
    shown += everything(place, proxied_operator)

    for key in (WRONG, place.server.api_key):
        for spelt in (key, encoded(key), encoded(f"api:{key}"), encoded(f"user:{key}")):
            assert spelt not in shown
            assert not any(call.says(spelt) for call in kubernetes_between.writes)
    secret = place.kubectl("get", "secret", "wandb-api-key", "-o", "yaml")
    assert encoded(place.server.api_key) in secret, "it is where it belongs"


def everything(place, operator):
    """All objects of the namespace but its Secrets, with what the operator says of itself."""
    return (
        place.kubectl("get", KINDS, "-o", "yaml")
        + operator.log
        + operator.fetch("/metrics")
        + json.dumps(place.kube.items("/api/v1/namespaces"))
    )


def encoded(text):
    return base64.b64encode(text.encode()).decode()
