"""Starts the operator: connects its parts, watches until told to stop, and puts everything down again."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import kopf
from kopf._core.engines.peering import Identity  # the type of an argument of kopf.operator, exported nowhere else

from wandbsweep.controller import handlers, web
from wandbsweep.controller.applying import Applier
from wandbsweep.controller.events import Recorder
from wandbsweep.controller.kube_api import KubeApi
from wandbsweep.controller.metrics import Metrics
from wandbsweep.controller.object_loops import ObjectLoops
from wandbsweep.controller.observing import Observer
from wandbsweep.controller.readings import Readings
from wandbsweep.controller.reconciling import Reconciler
from wandbsweep.controller.tracking_metrics import MeasuredTracker
from wandbsweep.tracking.wandb_tracker import WandbTracker

if TYPE_CHECKING:
    from wandbsweep.pool.jobs import Runtime

IDENTITY = Identity("wandbsweep-operator")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OperatorSettings:
    """How this operator was started.

    `namespaces` empty means all of them. `http_address` is `host:port`. `passes_at_once` bounds the load on the API
    server.
    """

    runtime: Runtime
    namespaces: tuple[str, ...]
    http_address: str
    passes_at_once: int = 32


async def run(settings: OperatorSettings) -> None:
    """Operate until SIGTERM or SIGINT. Raises OSError if the HTTP address cannot be used."""
    metrics = Metrics()
    kube = await KubeApi.connect()
    app_url = settings.runtime.wandb_app_url
    tracker = MeasuredTracker(
        WandbTracker(app_urls={settings.runtime.wandb_base_url: app_url} if app_url else None), metrics
    )
    readings = Readings(tracker)
    reconciler = Reconciler(
        kube=kube,
        observer=Observer(kube, tracker, readings, settings.runtime),
        applier=Applier(kube, tracker, settings.runtime),
        recorder=Recorder(kube),
        readings=readings,
        metrics=metrics,
    )
    loops = ObjectLoops(reconciler.reconcile, at_once=settings.passes_at_once)
    watching = asyncio.Event()
    try:
        async with web.serving(settings.http_address, metrics.registry, watching.is_set):
            log.info("Watching WandbSweeps in %s", ", ".join(settings.namespaces) or "all namespaces")
            await kopf.operator(
                registry=handlers.make_registry(loops),
                settings=handlers.make_settings(),
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
                ready_flag=watching,
                # kopf would otherwise ask for the name of the user, which an arbitrary uid does not have.
                identity=IDENTITY,
            )
    finally:
        await loops.close()
        await tracker.close()
        await kube.close()
