"""One operator acts at a time: the one that holds the Lease. Others stand by until it is given back or expires.

The election itself is the official client's. What is added here: a time-out for each call, an API server that does not
answer counts as a try that failed, and a leader that ends gives the Lease back, so that its successor need not wait.
In a cluster the Lease belongs to the pod of its holder, so that it goes with the last operator.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from wandbsweep.controller.kube_api import load_configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from typing import Any

    from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord

DURATION_SECONDS: Final = 15
"""How long a Lease that is not renewed keeps others out."""

RENEW_WITHIN_SECONDS: Final = 10
"""How long a leader tries to renew before it stops acting: it has stopped before another one can start."""

RETRY_SECONDS: Final = 2

POD_NAME_VARIABLE: Final = "WANDBSWEEP_POD_NAME"
POD_UID_VARIABLE: Final = "WANDBSWEEP_POD_UID"

_CALL_SECONDS: Final = 4

log = logging.getLogger(__name__)
# The library reports an ordinary lost race with a traceback; that it was lost is told by the election's own logger.
logging.getLogger("kubernetes.aio.leaderelection.resourcelock.leaselock").setLevel(logging.CRITICAL)

_T = TypeVar("_T")


class LeadershipLostError(Exception):
    """The Lease could not be renewed: another operator may be acting by now, and this process must not."""


@dataclass(frozen=True)
class LeaseName:
    """Which Lease: its namespace and name."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> LeaseName:
        """From `namespace/name`. Raises ValueError."""
        namespace, _, name = text.partition("/")
        if not namespace or not name or "/" in name:
            raise ValueError(f"{text!r} is not namespace/name, such as wandbsweep/operator")
        return cls(namespace, name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@asynccontextmanager
async def leadership(lease: LeaseName) -> AsyncIterator[asyncio.Event]:
    """Wait for the Lease and hold it while the context lasts. The event is set when it is lost.

    Raises KubeError if there is no cluster to connect to.
    """
    held, lost = asyncio.Event(), asyncio.Event()
    async with client.ApiClient(await load_configuration()) as api:
        lock = _Lock(lease.name, lease.namespace, _identity(), api)
        election = asyncio.create_task(_elect(lock, held, lost), name="leader election")
        try:
            log.info("Standing by for Lease %s", lease)
            await _either(held, election)
            log.info("Holding Lease %s as %s", lease, lock.identity)
            yield lost
        finally:
            election.cancel()
            with suppress(asyncio.CancelledError):
                await election
            if held.is_set() and not lost.is_set():
                await lock.release()


async def _elect(lock: _Lock, held: asyncio.Event, lost: asyncio.Event) -> None:
    async def lead() -> None:
        held.set()

    async def stop_leading() -> None:
        lost.set()

    config = Config(lock, DURATION_SECONDS, RENEW_WITHIN_SECONDS, RETRY_SECONDS, lead, stop_leading)
    try:
        await LeaderElection(config).run()
    except Exception:
        lost.set()
        raise


async def _either(held: asyncio.Event, election: asyncio.Task[None]) -> None:
    """Until the Lease is held; what the election raised meanwhile is raised."""
    waiting = asyncio.create_task(held.wait())
    try:
        await asyncio.wait({waiting, election}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not held.is_set():
        election.result()


def _identity() -> str:
    """Unlike any other, also of a process on the same host after this one."""
    return f"{os.environ.get('HOSTNAME') or socket.gethostname()}-{uuid.uuid4().hex[:8]}"


def _this_pod() -> list[client.V1OwnerReference]:
    """The pod that this process runs in, as the owner of what it makes; none outside a cluster."""
    name, uid = os.environ.get(POD_NAME_VARIABLE), os.environ.get(POD_UID_VARIABLE)
    return [client.V1OwnerReference(api_version="v1", kind="Pod", name=name, uid=uid)] if name and uid else []


class _Lock(LeaseLock):
    """A Lease, with calls that end: what fails in time may be tried again before the Lease expires."""

    async def get(
        self, name: str, namespace: str
    ) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]:
        try:
            return await _timed(super().get(name, namespace))
        except (aiohttp.ClientError, OSError) as error:
            # The shape in which the library expects a failed look.
            return False, ApiException(reason=f"the API server did not answer: {error or type(error).__name__}")

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        return await self._tried(self._create(name, namespace, election_record))

    async def _create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        # The library's own passes an argument that its generated client refuses (kubernetes 37.0.0).
        metadata = client.V1ObjectMeta(name=name, owner_references=_this_pod())
        body = client.V1Lease(metadata=metadata, spec=self.update_lease(election_record))
        try:
            await self.api_instance.create_namespaced_lease(namespace, body)
        except ApiException as error:
            log.warning("Lease %s/%s could not be created: %s %s", namespace, name, error.status, error.reason)
            return False
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        if self.lease_reference is not None and self.lease_reference.metadata is not None:
            self.lease_reference.metadata.owner_references = _this_pod()
        return await self._tried(super().update(name, namespace, updated_record))

    async def release(self) -> None:
        """Give the Lease back. If that fails it expires by itself."""
        try:
            lease = await _timed(self.api_instance.read_namespaced_lease(self.name, self.namespace))
            if lease.spec and lease.spec.holder_identity == self.identity:
                lease.spec.holder_identity = ""
                await _timed(self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease))
        except (ApiException, aiohttp.ClientError, OSError) as error:
            log.warning("Lease %s/%s was not given back and will expire: %s", self.namespace, self.name, error)

    async def _tried(self, call: Coroutine[Any, Any, bool]) -> bool:
        try:
            return await _timed(call)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("Lease %s/%s: the API server did not answer: %s", self.namespace, self.name, error)
            return False


async def _timed(call: Coroutine[Any, Any, _T]) -> _T:
    async with asyncio.timeout(_CALL_SECONDS):
        return await call
