"""What a command is given: a file or standard input, with the definition or the Kubernetes objects in it.

A text holds either one bare definition (a sweep.yaml, YAML or JSON) or manifests: WandbSweeps, the ConfigMaps that they
refer to, whatever else is applied together with them, as documents or as items of a List.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.api.labels import KIND
from wandbsweep.sweep.texts.kubernetes import nodes_of_manifests, objects_in, written

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD_INPUT: Final = "-"


class InputError(Exception):
    """A file that cannot be read; the message names it and says why, without a full stop."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """One input, read."""

    name: str
    """As messages name it."""
    text: str
    objects: tuple[Mapping[str, Any], ...]
    """The Kubernetes objects in it, as they are written; none: the text is a definition by itself."""

    @property
    def stem(self) -> str:
        """The file's name without its ending; empty for standard input."""
        return "" if self.name == name_of(STANDARD_INPUT) else Path(self.name).stem

    @property
    def manifests(self) -> tuple[Mapping[str, Any], ...]:
        """The WandbSweeps among the objects."""
        return tuple(item for item in self.objects if item["kind"] == KIND)

    @property
    def config_maps(self) -> dict[tuple[str, str], str]:
        """The texts of the ConfigMaps among the objects, by name and key."""
        return {
            (str(_mapping(item, "metadata").get("name")), str(key)): str(text)
            for item in self.objects
            if item["kind"] == "ConfigMap"
            for key, text in _mapping(item, "data").items()
        }


def read_source(file: str) -> Source:
    """Read a file, or standard input for `-`. Raises InputError."""
    text = read_text(file)
    return Source(name_of(file), text, _kubernetes_objects(text))


def name_of(file: str) -> str:
    """What messages call it."""
    return "standard input" if file == STANDARD_INPUT else file


def read_text(file: str) -> str:
    """The text of a file, or of standard input for `-`. Raises InputError."""
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(name_of(file), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(name_of(file), "is no text in UTF-8") from None


def _mapping(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def _kubernetes_objects(text: str) -> tuple[dict[str, Any], ...]:
    """None for a definition, and for what is no YAML at all: its reader says what is wrong with it."""
    try:
        documents = [written(root) for root in nodes_of_manifests(text)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    return tuple(item for document in documents for item in objects_in(document).values())
