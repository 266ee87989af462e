"""The few calls of the Kubernetes API that the operator makes, in plain JSON, each with a time-out.

The official client does the connection, its credentials and their renewal; its typed models are left out, because they
cost five times the CPU time of plain dictionaries.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import aiohttp
from kubernetes.aio import client, config

from wandbsweep.api import labels

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS: Final = 30.0
_PAGE: Final = 500  # objects per page of a list: larger pages cost memory and gain no time

_FORBIDDEN, _NOT_FOUND, _CONFLICT = 403, 404, 409
_REFUSALS = frozenset({400, _FORBIDDEN, 422})


class KubeError(Exception):
    """The API server could not be asked, or answered with a failure of its own. Trying again later is right."""


class NotFoundError(KubeError):
    """There is no such object."""


class ConflictError(KubeError):
    """The object changed in between, or exists already."""


class RefusedError(KubeError):
    """The API server refuses this request for good: it is invalid, or a policy or quota forbids it."""


async def load_configuration() -> client.Configuration:
    """Where the API server is and who we are: the pod's service account, else what the current kubeconfig says.

    Raises KubeError if there is neither.
    """
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await _load_kubeconfig(configuration)
    return configuration


class KubeApi:
    """A connection to one API server."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._client = api_client

    @classmethod
    async def connect(cls) -> KubeApi:
        """Connect with the credentials of this process. Raises KubeError if there are none."""
        return cls(client.ApiClient(await load_configuration()))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def get(self, path: str) -> dict[str, Any]:
        """One object. Raises NotFoundError."""
        return await self._call("GET", path)

    async def list_all(self, path: str, selector: str) -> list[dict[str, Any]]:
        """All objects with these labels, read in pages."""
        items: list[dict[str, Any]] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            page = await self._call("GET", path, query=query)
            items += page.get("items", [])
            token = page.get("metadata", {}).get("continue")
            if not token:
                return items
            query = {**query, "continue": token}

    async def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object. A dry run goes through every check of the API server and stores nothing; it also refuses
        unknown fields. Raises ConflictError if the object exists, RefusedError if the server will not have it.
        """
        query = {"dryRun": "All", "fieldValidation": "Strict"} if dry_run else {}
        return await self._call("POST", path, body=body, query=query)

    async def merge_patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the named fields. With `metadata.resourceVersion` in the body, raises ConflictError on a stale one."""
        return await self._call("PATCH", path, body=body, content_type="application/merge-patch+json")

    async def replace_status(self, path: str, resource_version: str, status: Mapping[str, Any]) -> dict[str, Any]:
        """Write the whole status of an object. Raises ConflictError if it changed since `resource_version`."""
        patch = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
            {"op": "add", "path": "/status", "value": status},
        ]
        return await self._call("PATCH", f"{path}/status", body=patch, content_type="application/json-patch+json")

    async def delete(self, path: str, *, foreground: bool = False, uid: str | None = None) -> None:
        """Delete an object and what it owns. Gone already: nothing happens.

        In the foreground the object stays, marked as being deleted, until what it owns is gone. With a UID, raises
        ConflictError if there is another object of this name.
        """
        options: dict[str, Any] = {"propagationPolicy": "Foreground" if foreground else "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", path, body=options)
        except NotFoundError:
            return

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | list[Any] | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        try:
            serialized = await self._client.param_serialize(
                method=method,
                resource_path=path,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
            )
            response = await self._client.call_api(*serialized, _request_timeout=TIMEOUT_SECONDS)
            text = await response.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            cause = str(error) or type(error).__name__
            raise KubeError(f"{method} {path}: the API server did not answer: {cause}") from error
        return _read_answer(method, path, response.status, text)


async def _load_kubeconfig(configuration: client.Configuration) -> None:
    try:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError) as error:
        remedy = "run in a pod with a service account, or set KUBECONFIG"
        raise KubeError(f"there is no cluster to connect to: {error}; {remedy}") from error


def _read_answer(method: str, path: str, status: int, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text) if text else {}
    except ValueError as error:
        raise KubeError(f"{method} {path}: the API server answered {status} with something unreadable") from error
    if status < 400:  # noqa: PLR2004 - everything from 400 on is a failure in HTTP
        return dict(answer)
    message = answer.get("message") or f"{method} {path}: HTTP {status}"
    if status == _NOT_FOUND:
        raise NotFoundError(message)
    if status == _CONFLICT:
        raise ConflictError(message)
    if status in _REFUSALS:
        raise RefusedError(message)
    raise KubeError(message)


def sweeps_path(namespace: str, name: str) -> str:
    """Path of a WandbSweep."""
    return f"/apis/{labels.API_VERSION}/namespaces/{_part(namespace)}/{labels.PLURAL}/{_part(name)}"


def jobs_path(namespace: str, name: str = "") -> str:
    """Path of a namespace's Jobs, or of one of them."""
    return f"/apis/batch/v1/namespaces/{_part(namespace)}/jobs" + (f"/{_part(name)}" if name else "")


def core_path(namespace: str, kind: str, name: str = "") -> str:
    """Path of pods, secrets, configmaps or events of a namespace, or of one of them."""
    return f"/api/v1/namespaces/{_part(namespace)}/{kind}" + (f"/{_part(name)}" if name else "")


def _part(text: str) -> str:
    """One part of a path, and never a way to another: no object has a name that stands for a folder."""
    if text in {".", ".."}:
        raise NotFoundError(f"{text!r} is the name of no object")
    return quote(text, safe="")
