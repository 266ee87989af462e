"""An object that another controller manages: this operator reads nothing for it and writes nothing to it."""

from __future__ import annotations

import pytest

from proxies import Call, Fate

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def test_what_another_controller_manages_is_left_alone(proxied_operator, place, kubernetes_between, wandb_between):
    def concerns_the_other(call: Call) -> bool:
        return call.path.endswith(("/secrets/other", "/configmaps/other")) or call.path == "/graphql"

    touched = [between.rule(concerns_the_other, Fate.CARRIED_OUT) for between in (kubernetes_between, wandb_between)]
    other = {"managedBy": "kueue.x-k8s.io/multikueue", "wandb": {"apiKeySecretRef": {"name": "other"}}}
    place.apply("theirs", sweepFrom={"configMapKeyRef": {"name": "other", "key": "sweep.yaml"}}, **other)
    before = place.read("theirs")

    place.apply("ours", project=None, managedBy="wandbsweep.dev/operator")
    place.until_condition("SweepValid", "False", name="ours")
    place.kubectl("annotate", "wandbsweep/theirs", "touched=once")
    place.edit("ours", agentCount=2)

    place.until_condition("SweepValid", "False", name="ours")
    assert [rule.used for rule in touched] == [0, 0]
    assert not [call for call in kubernetes_between.writes if "theirs" in call.path]
    after = place.read("theirs")
    assert "status" not in after
    assert after["spec"] == before["spec"]
    assert "finalizers" not in after["metadata"]

    place.delete("theirs")

    place.until_gone("theirs", seconds=10)
