"""An operator for some namespaces serves each of them, whenever it comes to be."""

from __future__ import annotations

import uuid
from contextlib import ExitStack

import pytest

from kube_client import write_kubeconfig
from operators import running_operator
from places import a_place
from proxies import Fate
from waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def lists_namespaces(call):
    return call.method == "GET" and call.path == "/api/v1/namespaces" and "watch" not in call.query


@pytest.fixture
def given(wandb_between, kubernetes_between, tmp_path):
    """Starts an operator that was given a namespace, all of whose calls can be seen."""
    with ExitStack() as stack:

        def start(name):
            kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", kubernetes_between.url)
            stack.enter_context(running_operator(tmp_path / "operator", kubeconfig, wandb_between.url, name))

        yield start


@pytest.fixture
def made(kube, server):
    """Makes a namespace, which is gone after the test."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(a_place(kube, name, server))


def a_name():
    return f"later-{uuid.uuid4().hex[:10]}"


def test_one_that_is_made_between_the_first_list_and_the_watch_is_served(given, made, kubernetes_between):
    name, places = a_name(), []
    kubernetes_between.rule(lists_namespaces, Fate.CARRIED_OUT)
    kubernetes_between.rule(lists_namespaces, Fate.CARRIED_OUT, then=lambda: places.append(made(name)))

    given(name)
    until(lambda: places, "the operator has listed the namespaces twice")
    places[0].apply(project=None)

    places[0].until_condition("SweepValid", "False", reason="ProjectMissing", seconds=90)


def test_one_that_is_made_long_after_the_start_is_served(given, made):
    name = a_name()
    given(name)

    place = made(name)
    place.apply(project=None)

    place.until_condition("SweepValid", "False", reason="ProjectMissing", seconds=90)


def test_one_that_was_deleted_and_is_made_again_is_served_again(given, made, kube):
    name = a_name()
    place = made(name)
    given(name)
    place.apply(project=None)
    place.until_condition("SweepValid", "False", reason="ProjectMissing")

    place.delete()
    place.until_gone()
    kube.delete(f"/api/v1/namespaces/{name}")
    until(lambda: kube.find(f"/api/v1/namespaces/{name}") is None, "the namespace is gone", seconds=60)
    again = made(name)
    again.apply(project=None)

    again.until_condition("SweepValid", "False", reason="ProjectMissing", seconds=90)
