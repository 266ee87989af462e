"""Several operators, one Lease: one acts, another takes over when it goes, and nothing is doubled in between."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kube_client import write_kubeconfig
from operators import RunningOperator, running_operator
from places import a_grid, a_template
from waiting import until
from wandbsweep.controller.kube_api import core_path

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@contextmanager
def a_candidate(name, place, kube, tmp_path, kubeconfig=None, environment=None) -> Iterator[RunningOperator]:
    lease = ("--lease", f"{place.namespace}/operator")
    config = kubeconfig or kube.kubeconfig
    with running_operator(
        tmp_path / name, config, place.server.url, place.namespace, options=lease, environment=environment
    ) as operator:
        yield operator


def leads(operator):
    return lambda: "Watching WandbSweeps" in operator.log


def test_the_second_stands_by_and_takes_over_at_once_when_the_first_ends_in_order(place, kube, tmp_path):
    with a_candidate("first", place, kube, tmp_path) as first:
        until(leads(first), "the first one leads")
        with a_candidate("second", place, kube, tmp_path) as second:
            place.apply(sweep=a_grid(*range(1, 9)), agentCount=2)
            place.until_jobs("anymal-0-0", "anymal-1-0")
            assert not leads(second)()

            first.stop()
            until(leads(second), "the second one leads", seconds=8)

            place.scale(3)
            place.until_jobs("anymal-0-0", "anymal-1-0", "anymal-2-0")
            assert len(place.sweeps()) == 1


def test_a_leader_that_is_killed_is_followed_once_its_lease_has_expired(place, kube, tmp_path):
    with a_candidate("first", place, kube, tmp_path) as first:
        until(leads(first), "the first one leads")
        with a_candidate("second", place, kube, tmp_path) as second:
            place.apply(sweep=a_grid(*range(1, 9)), agentCount=1)
            place.until_jobs("anymal-0-0")

            first.kill()
            until(leads(second), "the second one leads", seconds=30)

            place.scale(2)
            place.until_jobs("anymal-0-0", "anymal-1-0")
            assert len(place.sweeps()) == 1


def test_a_leader_that_cannot_renew_ends_before_another_may_lead(place, kube, kubernetes_between, tmp_path):
    behind_proxy = write_kubeconfig(tmp_path / "kubeconfig", kubernetes_between.url)
    with a_candidate("first", place, kube, tmp_path, behind_proxy) as first:
        until(leads(first), "the first one leads")

        kubernetes_between.go_down()

        until(lambda: not first.running, "the first one has ended", seconds=30)
        assert f"Lease {place.namespace}/operator was lost" in first.log
        assert "Traceback" not in first.log


def test_one_that_stands_by_ends_at_once_when_it_is_told_to(place, kube, tmp_path):
    with a_candidate("first", place, kube, tmp_path) as first:
        until(leads(first), "the first one leads")
        with a_candidate("second", place, kube, tmp_path) as second:
            second.stop()

            assert "Traceback" not in second.log
            assert first.running


def test_the_lease_belongs_to_the_pod_of_its_holder_and_goes_with_it(place, kube, tmp_path):
    pods, lease = (
        core_path(place.namespace, "pods"),
        f"/apis/coordination.k8s.io/v1/namespaces/{place.namespace}/leases/operator",
    )
    pod = {"metadata": {"name": "operator-1"}, "spec": a_template()["spec"]}
    uid = kube.create(pods, pod)["metadata"]["uid"]
    pod_of_it = {"WANDBSWEEP_POD_NAME": "operator-1", "WANDBSWEEP_POD_UID": uid}

    with a_candidate("first", place, kube, tmp_path, environment=pod_of_it) as first:
        until(leads(first), "it leads")
    assert kube.find(lease)
    kube.delete(f"{pods}/operator-1", gracePeriodSeconds=0)

    until(lambda: kube.find(lease) is None, "the Lease went with the pod", seconds=60)
