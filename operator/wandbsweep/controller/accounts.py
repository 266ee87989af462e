"""Whose W&B account an object uses: its API key, read from the Secret in its own namespace."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from wandbsweep.api.reasons import Reason
from wandbsweep.controller.kube_api import NotFoundError, RefusedError, core_path
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.jobs import base_url
from wandbsweep.tracking.protocol import Account

if TYPE_CHECKING:
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.jobs import Runtime


async def read_account(kube: KubeApi, runtime: Runtime, namespace: str, spec: WandbSweepSpec) -> Account | Problem:
    """The account of this object, or what the user has to put right. The key is read anew each time, never stored."""
    reference = spec.wandb.api_key_secret_ref
    try:
        secret = await kube.get(core_path(namespace, "secrets", reference.name))
    except NotFoundError:
        return Problem(
            Reason.SECRET_NOT_FOUND,
            f"spec.wandb.apiKeySecretRef: there is no Secret {reference.name!r} in namespace {namespace!r}; create it "
            f"with `kubectl -n {namespace} create secret generic {reference.name} "
            f"--from-literal={reference.key}=<W&B API key>`",
        )
    except RefusedError as error:
        return Problem(
            Reason.SECRET_NOT_FOUND,
            f"spec.wandb.apiKeySecretRef: the operator may not read Secret {reference.name!r}; add the name to the "
            f"chart's value wandb.apiKeySecretNames ({error})",
        )
    key = _decode(secret.get("data", {}).get(reference.key))
    if not key:
        return Problem(
            Reason.SECRET_KEY_NOT_FOUND,
            f"spec.wandb.apiKeySecretRef: Secret {reference.name!r} has no text under key {reference.key!r}; "
            "put the W&B API key there, or name the key that holds it",
        )
    return Account(base_url(spec, runtime), key)


def _decode(data: str | None) -> str | None:
    try:
        return base64.b64decode(data or "", validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return None
