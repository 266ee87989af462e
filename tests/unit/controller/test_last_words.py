"""How a pod ended: the words of its agent where it left some, whatever else stands in their place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.controller.test_kube_facts import a_pod, at, the_end
from wandbsweep.controller import kube_facts

LAST_WORDS = '{"reason": "APIKeyRejected", "message": "W&B does not accept the API key.", "runs": {"finished": 0}}'


@pytest.mark.parametrize(
    ("containers", "init", "code", "message"),
    [
        ([], [], None, None),
        (
            [{"terminated": {"exitCode": 24, "reason": "Error", "message": LAST_WORDS}}],
            [{"terminated": {"exitCode": 0, "reason": "Completed"}}],
            24,
            "APIKeyRejected: W&B does not accept the API key.",
        ),
        (
            [{"terminated": {"exitCode": 137, "reason": "OOMKilled"}}],
            [],
            137,
            "OOMKilled with exit code 137.",
        ),
        (
            [{"terminated": {"exitCode": 1, "reason": "Error", "message": "no JSON at all"}}],
            [],
            1,
            "Error with exit code 1. no JSON at all",
        ),
        (
            [{"waiting": {"reason": "PodInitializing"}}],
            [{"terminated": {"exitCode": 1, "reason": "Error", "message": "/wandbsweep cannot be written"}}],
            1,
            "Error with exit code 1. /wandbsweep cannot be written",
        ),
        ([{"terminated": {"exitCode": 0, "message": "[]"}}], [], 0, "Ended with exit code 0. []"),
    ],
)
def test_the_end_of_a_pod_is_that_of_the_container_that_ended_badly(containers, init, code, message):
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=containers, init=init))

    assert (pod.exit_code, pod.exit_message) == (code, message)


def test_an_agent_says_what_became_of_its_time():
    words = json.dumps({"reason": "RunsFailed", "message": "m", "seconds": {"startup": 3, "failed": 60.5, "other": 1}})
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 21, message=words)]))

    assert pod.exit_reason == "RunsFailed"
    assert pod.seconds == {"startup": 3.0, "failed": 60.5}


@pytest.mark.parametrize("amount", ["-1", "1e999", "NaN", "true", '"7"', "null", "[]", "9" * 400])
def test_times_that_cannot_be_are_not_believed(amount):
    words = f'{{"reason": "Done", "message": "m", "seconds": {{"idle": 1, "finished": {amount}}}}}'
    pod = kube_facts.agent_pod(a_pod(phase="Succeeded", containers=[the_end(1, message=words)]))

    assert (pod.exit_reason, pod.seconds) == ("Done", None)


def test_the_words_are_those_of_the_agent_and_not_of_another_container():
    pod = a_pod(phase="Failed", containers=[the_end(1, message=LAST_WORDS)])
    pod["status"]["containerStatuses"].insert(
        0, {"name": "a-sidecar", "state": the_end(2, 137, reason="OOMKilled", message="Killed")}
    )

    facts = kube_facts.agent_pod(pod)

    assert (facts.exit_reason, facts.oom_killed) == ("APIKeyRejected", False)


@pytest.mark.parametrize(
    ("end", "pod", "killed"),
    [
        (the_end(1, 137, reason="OOMKilled"), {}, True),
        (the_end(1, 137, reason="Error"), {}, True),
        (the_end(1, 137, reason="Error"), {"deletionTimestamp": at(0)}, False),
        (the_end(1, 137, reason="Error"), {"conditions": [("DisruptionTarget", "True")]}, False),
        (the_end(1, 137, reason="OOMKilled"), {"deletionTimestamp": at(0)}, True),
        (the_end(1, 21, reason="OOMKilled", message=LAST_WORDS), {}, False),
        (the_end(1, 1, reason="Error"), {}, False),
        ({"running": {}}, {}, False),
    ],
    ids=["oom", "killed", "grace over", "evicted", "oom while it goes", "trainer alone", "error", "running"],
)
def test_a_container_that_was_killed_as_a_whole_ran_out_of_memory(end, pod, killed):
    assert kube_facts.agent_pod(a_pod(phase="Failed", containers=[end], **pod)).oom_killed is killed


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NEARLY_WORDS = st.fixed_dictionaries(
    {}, optional={"reason": ANYTHING, "message": ANYTHING, "runs": ANYTHING, "seconds": ANYTHING}
)
TIMES = st.fixed_dictionaries(
    {
        "reason": st.text(),
        "message": st.text(),
        "seconds": st.dictionaries(st.sampled_from(["idle", "startup", "x"]), ANYTHING),
    }
)


@given(message=st.text() | ANYTHING.map(json.dumps) | NEARLY_WORDS.map(json.dumps) | TIMES.map(json.dumps))
def test_no_last_words_whatsoever_stop_the_operator(message):
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 1, message=message)]))

    assert pod.exit_message
    assert all(amount >= 0 for amount in (pod.seconds or {}).values())


def test_words_that_are_nested_without_end_are_no_words():
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 1, message="[" * 100_000)]))

    assert pod.exit_reason is None
