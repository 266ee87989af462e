"""The base of all API types: camelCase in manifests, snake_case in Python, unknown fields left to the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from pydantic.types import JsonDict

DEFAULTED: Final[JsonDict] = {"default": {}}
"""For an object whose fields all have defaults: the API server fills them in also where the object is left out."""

_INITIALISMS = {"Id": "ID", "Url": "URL", "Eula": "EULA"}


def manifest_name(name: str) -> str:
    """The field's name in a manifest: camelCase with Kubernetes' spelling of initialisms (sweepID, maxGPUHours)."""
    camel = to_camel(name).replace("Gpu", "GPU")
    for ending, initialism in _INITIALISMS.items():
        if camel.endswith(ending) and camel != ending:
            return camel.removesuffix(ending) + initialism
    return camel


class ApiModel(BaseModel):
    """A frozen value read from or written into a manifest.

    Unknown fields are ignored on read: the API server has pruned them, and what a newer version wrote must not stop
    an older operator.
    """

    model_config = ConfigDict(alias_generator=manifest_name, populate_by_name=True, frozen=True, extra="ignore")
