"""What kopf watches for us: every event on an object, its Jobs or its pods wakes the loop of that object.

The handlers decide nothing; what an event says is looked up again by the pass that it causes. The one thing that cannot
be looked up later is kept: the end of a pod that may be gone by then.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import kopf

from wandbsweep.api import labels
from wandbsweep.controller.kube_api import load_configuration
from wandbsweep.controller.object_loops import ObjectKey

if TYPE_CHECKING:
    from wandbsweep.controller.ended_pods import EndedPods
    from wandbsweep.controller.object_loops import ObjectLoops

_OURS: Final[dict[str, Any]] = {labels.MANAGED_BY_LABEL: labels.MANAGED_BY, labels.SWEEP_LABEL: kopf.PRESENT}


def make_registry(loops: ObjectLoops, ended_pods: EndedPods) -> kopf.OperatorRegistry:
    """The handlers, in a registry of their own."""
    registry = kopf.OperatorRegistry()

    async def sweep_changed(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            loops.wake(ObjectKey(namespace, name))

    async def job_changed(namespace: str | None, meta: kopf.Meta, **_: Any) -> None:
        name = meta.labels.get(labels.SWEEP_LABEL)
        if namespace and name:
            loops.wake(ObjectKey(namespace, name))

    async def pod_changed(
        namespace: str | None, meta: kopf.Meta, body: kopf.Body, event: kopf.RawEvent, **_: Any
    ) -> None:
        name = meta.labels.get(labels.SWEEP_LABEL)
        if namespace and name:
            key = ObjectKey(namespace, name)
            loops.wake(key)
            ended_pods.saw(key, body, now=datetime.now(timezone.utc), gone=event["type"] == "DELETED")

    async def stop_looking(**_: Any) -> None:
        await loops.close()  # kopf would wait five seconds for tasks that it finds running

    kopf.on.login(registry=registry)(_log_in)
    kopf.on.cleanup(registry=registry)(stop_looking)
    kopf.on.event(labels.GROUP, labels.VERSION, labels.PLURAL, registry=registry)(sweep_changed)
    kopf.on.event("batch", "v1", "jobs", labels=_OURS, registry=registry, id="job")(job_changed)
    kopf.on.event("", "v1", "pods", labels=_OURS, registry=registry, id="pod")(pod_changed)
    return registry


async def _log_in(**_: Any) -> kopf.ConnectionInfo:
    """The operator's own credentials, so that kopf watches as whoever the operator acts as.

    Kopf asks again when the API server refuses the token, which a kubelet renews.
    """
    configuration = await load_configuration()
    scheme, _space, token = (await configuration.get_api_key_with_prefix("BearerToken") or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )


def make_settings() -> kopf.OperatorSettings:
    """Kopf as a watcher only: Events, retries and finalizers are the operator's own."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.server_timeout = 300  # a watch that died unseen is renewed after five minutes at most
    settings.watching.client_timeout = 310.0
    settings.watching.connect_timeout = 30.0
    settings.networking.request_timeout = 30.0
    settings.networking.enforce_retry_after = True
    settings.process.ultimate_exiting_timeout = 10.0
    return settings
