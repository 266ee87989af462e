"""The least that an operator on kopf can do: one Job for each object it is told of. `bare_operator.py NAMESPACE`.

It is what the operator's latency is compared with: the same watch, the same Job, and nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

import kopf

from wandbsweep.api import labels
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.controller.handlers import make_settings
from wandbsweep.controller.kube_api import ConflictError, KubeApi, jobs_path
from wandbsweep.pool.jobs import Owner, Runtime, agent_job
from wandbsweep.sweep.path import SweepPath

RUNTIME = Runtime("test", "IfNotPresent", "http://127.0.0.1:1")


async def main(namespace: str) -> None:
    kube = await KubeApi.connect()
    registry, watching = kopf.get_default_registry(), asyncio.Event()

    @kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)
    async def start_agent(type: str | None, name: str, uid: str, spec: kopf.Spec, **_: Any) -> None:  # noqa: A002 - kopf's
        if type == "DELETED":
            return
        owner = Owner(namespace, name, uid)
        read = WandbSweepSpec.model_validate(dict(spec))
        job = agent_job(owner, read, RUNTIME, SweepPath("lab", "bench", "sweep"), slot=0, attempt=0)
        with suppress(ConflictError):
            await kube.create(jobs_path(namespace), job)

    async def tell() -> None:
        await watching.wait()
        sys.stdout.write("watching\n")
        sys.stdout.flush()

    telling = asyncio.create_task(tell())
    try:
        await kopf.operator(registry=registry, settings=make_settings(), namespaces=[namespace], ready_flag=watching)
    finally:
        telling.cancel()
        await kube.close()


asyncio.run(main(sys.argv[1]))
