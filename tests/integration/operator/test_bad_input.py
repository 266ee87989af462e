"""What a user gets wrong is named, with the field and the remedy, in a condition and a Warning; nothing is started."""

from __future__ import annotations

import pytest

from kube_client import KubeAnswerError
from places import NAME, a_grid, a_template
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def a_sweep(**changes):
    """The sound sweep with changes; None leaves a key out."""
    return {key: value for key, value in {**a_grid(), **changes}.items() if value is not None}


WITH_BAD_IMAGE = a_template(containers=[{"name": "trainer", "image": ["not", "text"]}])
WITH_UNKNOWN_FIELD = a_template(containers=[{"name": "trainer", "image": "lab/trainer:1", "imagePullSecret": "x"}])
WITH_BAD_RESOURCE = a_template(
    containers=[{"name": "trainer", "image": "lab/trainer:1", "resources": {"limits": {"memory": "8 GiB"}}}]
)

# What is wrong: (spec, condition, reason, words of the message).
MISTAKES = {
    "no project": ({"project": None}, "SweepValid", "ProjectMissing", ["spec.project", "write `project:` into"]),
    "unknown method": (
        {"sweep": a_sweep(method="rando")},
        "SweepValid",
        "SweepInvalid",
        ["spec.sweep.method", "did you mean 'random'"],
    ),
    "no parameters": ({"sweep": a_sweep(parameters=None)}, "SweepValid", "SweepInvalid", ["spec.sweep.parameters"]),
    "bad distribution": (
        {"sweep": a_sweep(method="random", parameters={"lr": {"distribution": "log_unform", "min": 1, "max": 2}})},
        "SweepValid",
        "SweepInvalid",
        ["spec.sweep.parameters.lr.distribution", "did you mean"],
    ),
    "image that is no text": (
        {"template": WITH_BAD_IMAGE},
        "SweepValid",
        "TemplateRejected",
        ["spec.template", "image"],
    ),
    "unknown field of a container": (
        {"template": WITH_UNKNOWN_FIELD},
        "SweepValid",
        "TemplateRejected",
        ["spec.template", 'unknown field "spec.template.spec.containers[0].imagePullSecret"'],
    ),
    "quantity that cannot be read": (
        {"template": WITH_BAD_RESOURCE},
        "SweepValid",
        "TemplateRejected",
        ["spec.template", "quantities must match"],
    ),
    "sweepID that does not exist": (
        {"sweepID": "nosuchid"},
        "SweepCreated",
        "SweepNotFound",
        ["spec.sweepID", "'nosuchid'", "check spec.entity, spec.project"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_and_nothing_is_started(mistake, operated, shared_operator):
    spec, kind, reason, words = MISTAKES[mistake]

    operated.apply(**spec)

    condition = operated.until_condition(kind, "False", reason=reason)
    assert all(word in condition["message"] for word in words), condition["message"]
    told_as_warning(operated, reason, condition["message"])
    assert operated.condition("Ready")["status"] == "False"
    assert operated.status()["phase"] == "Pending"
    nothing_was_started(operated, shared_operator)


def test_all_mistakes_are_told_in_one_message_that_an_event_can_carry(operated, shared_operator):
    wrong = {f"parameter_{index}": {"min": 2, "max": 1} for index in range(60)}

    operated.apply(sweep=a_sweep(method="rando", parameters=wrong))

    condition = operated.until_condition("SweepValid", "False", reason="SweepInvalid")
    first, *others = condition["message"].split("; spec.sweep")
    assert first == "spec.sweep.method: 'rando' is no search method; did you mean 'random'? [invalid-value]"
    assert others[0] == ".parameters.parameter_0: min 2 must be less than max 1; swap them [min-above-max]"
    assert f"; and {60 - len(others)} more" in condition["message"]
    told_as_warning(operated, "SweepInvalid", condition["message"])
    nothing_was_started(operated, shared_operator)


def test_what_looks_unintended_is_told_once_and_runs(operated):
    operated.apply(sweep=a_sweep(method="random", metric={"name": "reward"}))

    condition = operated.until_condition("SweepValid", reason="ValidWithWarnings")
    goal, end = condition["message"].split("; spec.maxRuns: ")
    assert goal.startswith("spec.sweep.metric.goal: is missing")
    assert goal.endswith("[goal-missing]")
    assert end == ("is missing, and method random never ends by itself; say how many runs the sweep may have [no-end]")
    operated.until_jobs("anymal-0-0")
    told_as_warning(operated, "ValidWithWarnings", condition["message"])


def test_a_config_map_with_something_else_than_a_sweep_is_named(operated, shared_operator):
    operated.give_config_map("sweeps", **{"sweep.yaml": "- not\n- a mapping\n"})

    operated.apply(sweepFrom={"configMapKeyRef": {"name": "sweeps", "key": "sweep.yaml"}})

    condition = operated.until_condition("SweepValid", "False", reason="SweepInvalid")
    assert "ConfigMap sweeps/sweep.yaml" in condition["message"]
    assert "mapping" in condition["message"]
    told_as_warning(operated, "SweepInvalid", condition["message"])
    nothing_was_started(operated, shared_operator)


@pytest.mark.parametrize(
    "spec",
    [
        {"sweepID": "abc", "sweep": a_grid()},
        {"sweepFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}, "sweep": a_grid()},
        {"sweepFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}, "sweepID": "abc"},
    ],
    ids=" and ".join,
)
def test_two_definitions_are_refused_by_the_api_server(spec, operated):
    with pytest.raises(KubeAnswerError, match=r"set exactly one of spec\.sweep"):
        operated.apply(**spec)


def test_a_wrong_api_key_is_named_and_a_right_one_is_picked_up(operated, shared_operator):
    wrong = "f" * 40
    operated.give_key(wrong)
    operated.apply()

    condition = operated.until_condition("WandbReachable", "False", reason="APIKeyInvalid")

    assert "key" in condition["message"]
    assert "Secret" in condition["message"]
    told_as_warning(operated, "APIKeyInvalid", condition["message"])
    nothing_was_started(operated, shared_operator)
    assert wrong not in shared_operator.log + operated.kubectl("get", "wandbsweeps,events", "-o", "yaml")

    operated.give_key()

    operated.until_jobs("anymal-0-0")


def test_a_server_that_is_down_is_named_and_picked_up_once_it_is_up(proxied_operator, place, wandb_between):
    wandb_between.go_down()
    place.apply()

    condition = place.until_condition("WandbReachable", "False", reason="ServerUnreachable")

    assert wandb_between.url in condition["message"]
    told_as_warning(place, "ServerUnreachable", condition["message"])
    nothing_was_started(place, proxied_operator)

    wandb_between.come_back()

    place.until_condition("WandbReachable", seconds=50)
    place.until_jobs("anymal-0-0")
    assert len(place.sweeps()) == 1


# What is missing: (spec, condition, reason, words of the message, how to supply it).
MISSING = {
    "config-map": (
        {"sweepFrom": {"configMapKeyRef": {"name": "later", "key": "sweep.yaml"}}},
        ("SweepValid", "ConfigMapNotFound", ["spec.sweepFrom.configMapKeyRef.name", "create configmap later"]),
    ),
    "config-map-key": (
        {"sweepFrom": {"configMapKeyRef": {"name": "there", "key": "sweep.yaml"}}},
        ("SweepValid", "ConfigMapKeyNotFound", ["spec.sweepFrom.configMapKeyRef.key", "it has: other.yaml"]),
    ),
    "secret": (
        {"wandb": {"apiKeySecretRef": {"name": "later"}}},
        ("WandbReachable", "SecretNotFound", ["spec.wandb.apiKeySecretRef", "create secret generic later"]),
    ),
    "secret-key": (
        {"wandb": {"apiKeySecretRef": {"name": "there", "key": "token"}}},
        ("WandbReachable", "SecretKeyNotFound", ["spec.wandb.apiKeySecretRef", "'token'"]),
    ),
}
SWEEP_YAML = "method: random\nrun_cap: 1\nparameters: {lr: {min: 0.1, max: 0.2}}\ncommand: [python, train.py]\n"


def test_what_is_missing_is_named_and_picked_up_once_it_appears(operated, shared_operator):
    operated.give_config_map("there", **{"other.yaml": SWEEP_YAML})
    operated.give_key(name="there", under="other")
    for name, (spec, _) in MISSING.items():
        operated.apply(name, **spec)

    for name, (_, (kind, reason, words)) in MISSING.items():
        condition = operated.until_condition(kind, "False", reason=reason, name=name)
        assert all(word in condition["message"] for word in words), condition["message"]
        told_as_warning(operated, reason, condition["message"], name)
        nothing_was_started(operated, shared_operator, name)

    operated.give_config_map("later", **{"sweep.yaml": SWEEP_YAML})
    operated.give_config_map("there", **{"sweep.yaml": SWEEP_YAML})
    operated.give_key(name="later")
    operated.give_key(name="there", under="token")

    for name in MISSING:
        operated.until_condition("SweepCreated", reason="Created", name=name)
        until(lambda name=name: operated.job_names(name) == [f"{name}-0-0"], f"{name} has its Job")


def told_as_warning(place, reason, message, name=NAME):
    warnings = until(lambda: [e for e in place.events(name) if e["reason"] == reason], f"an Event says {reason}")
    assert [(event["type"], event["message"]) for event in warnings] == [("Warning", message)]


def nothing_was_started(place, operator, name=NAME):
    assert place.jobs(name) == []
    assert place.sweeps() == []
    assert "Traceback" not in operator.log
