"""Sees to it that no namespace is overlooked, where the operator was given some to watch.

Kopf lists the namespaces first and watches them after that; one that is made in between is in neither answer, and its
sweeps would wait until the operator starts again. So the list is read again from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from kopf._cogs.structs.references import (  # an argument of kopf.operator and its parts, exported nowhere else
    Insights,
    NamespaceName,
    match_namespace,
)

from wandbsweep.controller.kube_api import KubeError

if TYPE_CHECKING:
    from collections.abc import Collection

    from wandbsweep.controller.kube_api import KubeApi

LOOK_AGAIN_SECONDS: Final = 30.0
_NAMESPACES: Final = "/api/v1/namespaces"

log = logging.getLogger(__name__)


async def overlook_none(
    kube: KubeApi, insights: Insights, wanted: Collection[str], *, every: float = LOOK_AGAIN_SECONDS
) -> None:
    """Until cancelled: tell kopf of each namespace that is wanted and there, and that it does not know of."""
    await insights.ready_namespaces.wait()
    while True:
        await asyncio.sleep(every)
        try:
            there = await kube.list_all(_NAMESPACES, selector="")
        except KubeError as error:
            log.debug("Namespaces cannot be listed: %s", error)
            continue
        living = {namespace["metadata"]["name"] for namespace in there if _lives(namespace)}
        missed = {name for name in living if _is_wanted(name, wanted)} - insights.namespaces
        if missed:
            log.info("Watching WandbSweeps in %s, too", ", ".join(sorted(missed)))
            async with insights.revised:
                insights.namespaces.update(NamespaceName(name) for name in missed)
                insights.revised.notify_all()


def _lives(namespace: dict[str, dict[str, str]]) -> bool:
    return "deletionTimestamp" not in namespace["metadata"]


def _is_wanted(name: str, wanted: Collection[str]) -> bool:
    return any(match_namespace(NamespaceName(name), pattern) for pattern in wanted)
