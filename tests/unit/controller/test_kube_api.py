"""The calls of the Kubernetes API over real HTTP: what is sent, and what each answer means."""

from __future__ import annotations

import socket

import pytest
from aiohttp import web

from unit.controller.api_server import connected, failure
from wandbsweep.controller import kube_api
from wandbsweep.controller.kube_api import (
    ConflictError,
    KubeError,
    NotFoundError,
    RefusedError,
    core_path,
    jobs_path,
    sweeps_path,
)

SECRETS = core_path("robots", "secrets", "key")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (422, RefusedError),
        (404, NotFoundError),
        (409, ConflictError),
        (401, KubeError),
        (429, KubeError),
        (500, KubeError),
        (503, KubeError),
    ],
)
async def test_each_refusal_is_an_error_of_its_kind_in_the_words_of_the_server(status, error, api, kube):
    api.trouble = failure(status, "admission webhook says no")

    with pytest.raises(error, match="admission webhook says no") as caught:
        await kube.get(SECRETS)

    assert type(caught.value) is error


@pytest.mark.parametrize(
    "name", ["..", ".", "../secrets/key", "a/../../secrets/key", "key?x=1", "key#", "%2e%2e", "a b"]
)
async def test_a_name_of_a_user_is_never_a_way_to_another_object(name, api, kube):
    """Whatever a definition calls a ConfigMap: what is asked for lies in the ConfigMaps of the object's namespace."""
    api.trouble = failure(404, "there is none")

    with pytest.raises(NotFoundError):
        await kube.get(core_path("robots", "configmaps", name))

    for _, path, _ in api.requests:
        folder, _, last = path.rpartition("/")
        assert folder == "/api/v1/namespaces/robots/configmaps"
        assert last not in {"", ".", ".."}
        assert "?" not in last


async def test_something_that_is_no_api_server_is_told_apart(api, kube):
    api.trouble = web.Response(status=502, text="<html>Bad gateway</html>")

    with pytest.raises(KubeError, match="answered 502 with something unreadable"):
        await kube.get(SECRETS)


async def test_a_server_that_does_not_answer_in_time_is_given_up(api, kube, monkeypatch):
    monkeypatch.setattr(kube_api, "TIMEOUT_SECONDS", 0.1)
    api.trouble = 30.0

    with pytest.raises(KubeError, match=f"GET {SECRETS}: the API server did not answer: TimeoutError"):
        await kube.get(SECRETS)


async def test_a_server_that_is_down_is_an_error_that_names_the_call():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        async with connected(f"http://127.0.0.1:{taken.getsockname()[1]}") as kube:
            with pytest.raises(KubeError, match=f"GET {SECRETS}: the API server did not answer"):
                await kube.get(SECRETS)


async def test_a_list_is_read_page_by_page(api, kube):
    api.pages = {
        "": {"items": [{"n": 1}, {"n": 2}], "metadata": {"continue": "more"}},
        "more": {"items": [{"n": 3}], "metadata": {}},
    }

    items = await kube.list_all(jobs_path("robots"), "wandbsweep.dev/sweep=anymal")

    assert [item["n"] for item in items] == [1, 2, 3]
    assert all("labelSelector=wandbsweep.dev/sweep%3Danymal" in path for _, path, _ in api.requests)
    assert all("limit=500" in path for _, path, _ in api.requests)


async def test_a_dry_run_goes_through_every_check_and_refuses_unknown_fields(api, kube):
    await kube.create(jobs_path("robots"), {"kind": "Job"}, dry_run=True)
    await kube.create(jobs_path("robots"), {"kind": "Job"})

    dry, wet = (path for _, path, _ in api.requests)
    assert dry.endswith("/jobs?dryRun=All&fieldValidation=Strict")
    assert wet.endswith("/jobs")


async def test_a_status_is_replaced_as_a_whole_and_only_in_the_version_that_was_seen(api, kube):
    path = sweeps_path("robots", "anymal")
    api.objects[f"{path}/status"] = {}

    await kube.replace_status(path, "41", {"phase": "Running"})

    ((method, sent_to, patch),) = api.requests
    assert (method, sent_to) == ("PATCH", f"{path}/status")
    assert {"op": "replace", "path": "/metadata/resourceVersion", "value": "41"} in patch
    assert {"op": "add", "path": "/status", "value": {"phase": "Running"}} in patch


async def test_what_is_deleted_twice_is_gone_all_the_same(api, kube):
    await kube.delete(jobs_path("robots", "anymal-0-0"))

    ((method, _, options),) = api.requests
    assert (method, options) == ("DELETE", {"propagationPolicy": "Background"})


async def test_names_cannot_leave_their_place_in_a_path():
    assert core_path("robots", "secrets", "../nodes") == "/api/v1/namespaces/robots/secrets/..%2Fnodes"


async def test_an_object_is_deleted_after_what_it_owns_and_only_if_it_is_the_one_that_is_meant(api, kube):
    await kube.delete(sweeps_path("robots", "anymal"), foreground=True, uid="u1")

    ((_, _, options),) = api.requests
    assert options == {"propagationPolicy": "Foreground", "preconditions": {"uid": "u1"}}
