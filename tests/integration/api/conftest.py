"""The CRD on a real API server, and a status with every field."""

import time
from datetime import datetime, timezone

import pytest
from kubernetes import client, config

from wandbsweep.api.crd import crd
from wandbsweep.api.labels import GROUP, PLURAL
from wandbsweep.api.reasons import ConditionType, Phase
from wandbsweep.api.status import Agents, BestRun, Condition, ConditionStatus, Runs, WandbSweepStatus


@pytest.fixture(scope="module")
def api(control_plane):
    with config.new_client_from_config(config_file=str(control_plane.kubeconfig)) as api:
        yield api


@pytest.fixture(scope="module")
def installed_crd(api):
    """The definition, once the API server has looked at it and serves it."""
    extensions = client.ApiextensionsV1Api(api)
    name = f"{PLURAL}.{GROUP}"
    try:
        extensions.create_custom_resource_definition(crd(), field_validation="Strict")
    except client.ApiException as error:
        if error.status != 409:  # another test has installed it
            raise
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        definition = extensions.read_custom_resource_definition(name)
        if any(c.type == "Established" and c.status == "True" for c in definition.status.conditions or []):
            return definition
        time.sleep(0.1)
    raise AssertionError(f"{name} was not established: {definition.status.conditions}")


@pytest.fixture
def full_status():
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    conditions = [
        Condition(
            type=kind,
            status=ConditionStatus.UNKNOWN,
            observed_generation=1,
            last_transition_time=now,
            reason=kind.reasons[0],
            message="why",
        )
        for kind in ConditionType
    ]
    values = {field: "x" for field, info in WandbSweepStatus.model_fields.items() if info.annotation == str | None}
    return WandbSweepStatus(
        **values,
        observed_generation=1,
        phase=Phase.RUNNING,
        conditions=conditions,
        agents=Agents(desired=1),
        runs=Runs(total=1, cap=3),
        best=BestRun(run_id="a", name="b", url="c", metric="m", value=0.1, parameters={"lr": 1e-05, "n": {"x": [1]}}),
        start_time=now,
        completion_time=now,
    ).model_dump(by_alias=True, exclude_none=True, mode="json")
