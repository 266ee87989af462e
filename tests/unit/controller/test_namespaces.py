"""Kopf overlooks a namespace that is made between its list of them and its watch; we do not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from kopf._cogs.structs.references import Insights

from unit.controller.api_server import failure
from wandbsweep.controller.namespaces import overlook_none


def a_namespace(name, **metadata):
    return {"metadata": {"name": name, **metadata}}


def these(*namespaces):
    return {"/api/v1/namespaces": {"items": list(namespaces)}}


@asynccontextmanager
async def looking(kube, insights, *wanted):
    task = asyncio.create_task(overlook_none(kube, insights, wanted, every=0.01))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def told(insights, *, seconds=10):
    """The namespaces that kopf knows of, once it was told of a change."""
    async with asyncio.timeout(seconds), insights.revised:
        await insights.revised.wait()
    return insights.namespaces


@pytest.fixture
def insights():
    return Insights()


async def test_a_namespace_that_kopf_missed_is_watched(api, kube, insights):
    api.objects = these(a_namespace("lab-a"), a_namespace("lab-b"), a_namespace("other"))
    insights.namespaces.add("lab-a")
    insights.ready_namespaces.set()
    async with looking(kube, insights, "lab-a", "lab-b"):
        assert await told(insights) == {"lab-a", "lab-b"}


async def test_one_that_comes_later_is_watched_too_and_names_may_be_patterns(api, kube, insights):
    api.objects = these(a_namespace("other"))
    insights.ready_namespaces.set()
    async with looking(kube, insights, "lab-*"):
        while not api.requests:  # noqa: ASYNC110 - the API server of the test has no event for it
            await asyncio.sleep(0.01)
        api.objects = these(a_namespace("other"), a_namespace("lab-c"))
        assert await told(insights) == {"lab-c"}


async def test_one_that_is_being_deleted_is_left_alone(api, kube, insights):
    api.objects = these(a_namespace("lab-a", deletionTimestamp="2026-01-01T00:00:00Z"), a_namespace("lab-b"))
    insights.ready_namespaces.set()
    async with looking(kube, insights, "lab-*"):
        assert await told(insights) == {"lab-b"}


async def test_an_api_server_that_does_not_answer_is_asked_again(api, kube, insights):
    api.trouble = failure(500, "etcd is away")
    insights.ready_namespaces.set()
    async with looking(kube, insights, "lab-a"):
        while not api.requests:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        api.objects, api.trouble = these(a_namespace("lab-a")), None
        assert await told(insights) == {"lab-a"}
