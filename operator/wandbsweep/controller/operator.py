"""Starts the operator: connects its parts, watches until told to stop, and puts everything down again."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import kopf
from kopf._cogs.structs.references import Insights  # types of arguments of kopf.operator, exported nowhere else
from kopf._core.engines.peering import Identity

from wandbsweep.controller import handlers, web
from wandbsweep.controller.applying import Applier
from wandbsweep.controller.ended_pods import EndedPods
from wandbsweep.controller.kube_api import KubeApi
from wandbsweep.controller.leadership import LeadershipLostError, LeaseName, leadership
from wandbsweep.controller.metrics import Metrics
from wandbsweep.controller.namespaces import overlook_none
from wandbsweep.controller.object_loops import ObjectLoops
from wandbsweep.controller.observing import Observer
from wandbsweep.controller.readings import Readings
from wandbsweep.controller.reconciling import Reconciler
from wandbsweep.controller.recorder import Recorder
from wandbsweep.controller.run_causes import RUN_TAGS
from wandbsweep.controller.tracking_metrics import MeasuredTracker
from wandbsweep.tracking.wandb_tracker import WandbTracker

if TYPE_CHECKING:
    from wandbsweep.pool.jobs import Runtime

IDENTITY = Identity("wandbsweep-operator")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OperatorSettings:
    """How this operator was started.

    `namespaces` empty means all of them. `http_address` is `host:port`. Without a `lease` it acts at once, and must be
    the only one. `passes_at_once` bounds the load on the API server.
    """

    runtime: Runtime
    namespaces: tuple[str, ...]
    http_address: str
    lease: LeaseName | None = None
    passes_at_once: int = 32


async def run(settings: OperatorSettings) -> None:
    """Operate until SIGTERM or SIGINT.

    Raises:
        OSError: the HTTP address cannot be used.
        LeadershipLostError: the Lease was lost; the process should end, and start again to stand by.
    """
    metrics = Metrics()
    ready = asyncio.Event()
    async with web.serving(settings.http_address, metrics.registry, ready.is_set):
        if settings.lease is None:
            await _operate(settings, metrics, ready, lost=None)
            return
        ready.set()  # one that stands by is as ready as it can be: an upgrade waits for it
        with suppress(asyncio.CancelledError):
            _cancel_on_sigterm()
            async with leadership(settings.lease) as lost:
                ready.clear()
                await _operate(settings, metrics, ready, lost)
                if lost.is_set():
                    raise LeadershipLostError(f"Lease {settings.lease} was lost; start again to stand by")


def _cancel_on_sigterm() -> None:
    """Until kopf runs and listens itself: PID 1 has no handlers but its own."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine always runs in one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _operate(
    settings: OperatorSettings, metrics: Metrics, watching: asyncio.Event, lost: asyncio.Event | None
) -> None:
    """Watch and act until told to stop, or until leadership is lost."""
    kube = await KubeApi.connect()
    app_url = settings.runtime.wandb_app_url
    wandb = WandbTracker(app_urls={settings.runtime.wandb_base_url: app_url} if app_url else None, run_tags=RUN_TAGS)
    tracker = MeasuredTracker(wandb, metrics)
    readings, ended_pods = Readings(tracker), EndedPods()
    reconciler = Reconciler(
        kube=kube,
        observer=Observer(kube, tracker, readings, ended_pods, settings.runtime),
        applier=Applier(kube, tracker, settings.runtime),
        recorder=Recorder(kube),
        readings=readings,
        ended_pods=ended_pods,
        metrics=metrics,
    )
    loops = ObjectLoops(reconciler.reconcile, at_once=settings.passes_at_once)
    metrics.watch(loops, wandb.budget)
    insights = Insights()
    looking = asyncio.create_task(overlook_none(kube, insights, settings.namespaces)) if settings.namespaces else None
    try:
        log.info("Watching WandbSweeps in %s", ", ".join(settings.namespaces) or "all namespaces")
        await kopf.operator(
            registry=handlers.make_registry(loops, ended_pods),
            settings=handlers.make_settings(),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            insights=insights,
            ready_flag=watching,
            stop_flag=lost,
            # kopf would otherwise ask for the name of the user, which an arbitrary uid does not have.
            identity=IDENTITY,
        )
    finally:
        if looking is not None:
            looking.cancel()
        await loops.close()
        await tracker.close()
        await kube.close()
