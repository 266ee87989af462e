"""Whatever is written into a WandbSweep, lint and the operator say what is wrong with it, and go on.

The objects are generated from the CRD itself, with anything at all in some places: the API server keeps what stands
in `sweep` and `template` as it is, so that there the operator is the first who reads.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from any_objects import objects, sweeps, templates
from builders import NOW, OWNER, PATH, PROTEIN, RUNTIME, a_live_object, a_spec, a_sweep
from fuzzing import fuzzed, keyed, stored, texts, values
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.pool.jobs import agent_job
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.search_job import search_job
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.checks.files import File, lint
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.checks.template_shape import misshapen
from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.problems import Place, summary
from wandbsweep.sweep.search_order import search_order
from wandbsweep.sweep.wandb_config import wandb_config


def goes_on(spec):
    """A pass of the operator over an object that has this spec."""
    seen = a_live_object(spec=spec)
    plan = make_plan(seen)
    status = next_status(seen, Outcome(), plan.verdict)
    json.dumps(status.model_dump(by_alias=True, mode="json"))


def manifest(spec, name="anymal"):
    return {"apiVersion": "wandbsweep.dev/v1alpha1", "kind": "WandbSweep", "metadata": {"name": name}, "spec": spec}


@fuzzed
@given(st.one_of(objects, values), st.one_of(st.just("anymal"), values))
def test_any_object_is_read_or_told_what_is_wrong(spec, name):
    report = check_manifest(manifest(spec, name), {})
    assert all(str(finding) for finding in report.findings)
    if not report.errors:
        goes_on(WandbSweepSpec.model_validate(spec))


@fuzzed
@given(templates, st.booleans())
@example({"metadata": {"labels": None}, "spec": {"volumes": None, "containers": [{"env": None}]}}, False)
@example({"spec": {"containers": [{"env": [{"name": []}]}]}}, False)
@example({"metadata": {"labels": "x"}, "spec": {"containers": [{}]}}, False)
def test_any_template_becomes_a_job_or_is_told_what_is_wrong(template, isaac):
    spec = a_spec(template=template, isaac={"acceptEULA": True} if isaac else None)
    goes_on(spec)
    if finding := misshapen(template, Place("spec.template")):
        assert str(finding).startswith("spec.template")
        return
    job = agent_job(OWNER, spec, RUNTIME, PATH, slot=0, attempt=0, avoid=["a"], unwelcome=["b"])
    json.dumps(job)


@fuzzed
@given(st.one_of(templates, keyed(["metadata", "spec"]).map(stored)))
def test_any_template_of_a_search_becomes_a_job_or_is_told_what_is_wrong(template):
    if misshapen(template, Place("spec.search.template")):
        return
    spec = a_spec(search={"template": template})
    order = search_order(
        read_definition(a_sweep(**PROTEIN), field="spec.sweep"), name="anymal", max_runs=3, retry_failed=0
    )
    assert order is not None
    json.dumps(search_job(OWNER, spec, RUNTIME, PATH, order=order, attempt=0, agent_count=1))


@fuzzed
@given(st.one_of(sweeps.map(stored), texts, values.map(json.dumps), sweeps.map(json.dumps)))
def test_any_definition_is_understood_or_told_what_is_wrong(text):
    try:
        definition = read_definition(text, field="spec.sweep")
    except InvalidSweepError as error:
        told = summary(error.errors)
    else:
        sent = wandb_config(
            definition, display_name="anymal", uid="u", token="t", max_runs=3, runs_per_agent=1, agent_count=1
        )
        told = json.dumps(sent)
    assert told


@fuzzed
@given(st.one_of(texts, objects.map(lambda spec: json.dumps(manifest(spec))), sweeps.map(json.dumps)))
def test_any_file_is_linted(text):
    for finding in lint([File("a.yaml", text)]):
        assert "Traceback" not in str(finding)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({"spec": {"containers": [{}], "volumes": "x"}}, "spec.template.spec.volumes: must be a list, not text"),
        ({"spec": {"containers": ["x"]}}, "spec.template.spec.containers[0]: must be a mapping, not text"),
        (
            {"spec": {"containers": [{"env": [{"name": 1}]}]}},
            "spec.template.spec.containers[0].env[0].name: must be text, not a number",
        ),
    ],
)
def test_a_template_of_another_shape_is_told_by_its_place(template, words):
    assert str(misshapen(template, Place("spec.template"))).startswith(words)


def test_the_fuzzed_objects_are_not_all_refused():
    """Else nothing but the first door is tried."""
    assert not check_manifest(manifest(a_spec().model_dump(by_alias=True, exclude_none=True, mode="json")), {}).errors
    goes_on(a_spec())
    assert NOW
