"""Checks whole files: finds the texts and objects in them, and the line and column of every finding.

A definition may stand by itself, under spec.sweep of a manifest, or in a ConfigMap of any of the files, which may hold
several documents and Lists. Each finding is told of the file and the line where the user can change it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import yaml

from wandbsweep.api.labels import KIND
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Position
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.texts.document import nodes_of, not_yaml
from wandbsweep.sweep.texts.kubernetes import findings_in_nodes, nodes_of_manifests, objects_in, stored
from wandbsweep.sweep.texts.nodes import Embedded, spot_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LIKE_A_MANIFEST: Final = re.compile(rf"\bapiVersion\b|\b{KIND}\b")
_TOP: Final = Place("", joint=": ")

_ConfigMapKey = tuple[str, str]


@dataclass(frozen=True)
class File:
    """A file to check."""

    name: str
    text: str


@dataclass(frozen=True)
class FileFinding:
    """A finding, and the file in which it is to be mended."""

    file: str
    finding: Finding


def lint(files: Iterable[File]) -> list[FileFinding]:
    """All that is wrong, or looks wrong, in the files: in their order, and in that of the lines of each."""
    opened = [_Opened(file) for file in files]
    objects = [each for file in opened for each in file.objects]
    found = [finding for file in opened for finding in file.check(objects)]
    order = {name: index for index, name in reversed([*enumerate(file.name for file in opened)])}
    return sorted(dict.fromkeys(found), key=lambda each: (order[each.file], each.finding.position or Position(0, 0)))


@dataclass(frozen=True)
class _Object:
    """A Kubernetes object in a file."""

    file: File
    root: yaml.Node
    data: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    def metadata(self, key: str) -> str | None:
        metadata = self.data.get("metadata")
        value = metadata.get(key) if isinstance(metadata, dict) else None
        return value if isinstance(value, str) else None

    def texts(self) -> dict[_ConfigMapKey, str]:
        """Of a ConfigMap, by its name and their keys."""
        section = self.data.get("data") if self.kind == "ConfigMap" else None
        texts = section if isinstance(section, dict) else {}
        return {(self.metadata("name") or "", key): text for key, text in texts.items() if isinstance(text, str)}

    def is_beside(self, other: _Object) -> bool:
        """In the same namespace, as far as both say."""
        namespaces = {self.metadata("namespace"), other.metadata("namespace")} - {None}
        return len(namespaces) <= 1


class _Opened:
    """A file with the objects in it."""

    def __init__(self, file: File) -> None:
        self.name = file.name
        self._file = file
        self._findings: list[Finding] = []
        self.objects: list[_Object] = []
        if _LIKE_A_MANIFEST.search(file.text):
            self._read_documents()

    def _read_documents(self) -> None:
        try:
            for root in nodes_of_manifests(self._file.text):
                found = findings_in_nodes(root)
                self._findings += found
                if not _unreadable(found):
                    self.objects += [
                        _Object(self._file, spot_of(root, keys).node, item)
                        for keys, item in objects_in(stored(root)).items()
                    ]
        except yaml.YAMLError as error:
            self._findings += not_yaml(error, _TOP).findings
        except (ValueError, RecursionError) as error:
            message = f"cannot be read: {error}"
            self._findings.append(Finding(Rule.UNREADABLE, _TOP, message))

    def check(self, objects: Iterable[_Object]) -> Iterator[FileFinding]:
        """What is wrong with the file. `objects` are those of all files, among them the ConfigMaps."""
        config_maps = [each for each in objects if each.kind == "ConfigMap"]
        if not self.objects and not _unreadable(self._findings):
            yield from self._check_definition(config_maps)
            return
        yield from (FileFinding(self.name, finding) for finding in self._findings)
        for sweep in (each for each in self.objects if each.kind == KIND):
            sources = _Sources(self._file, sweep.root, [each for each in config_maps if each.is_beside(sweep)])
            yield from map(sources.locate, check_manifest(sweep.data, sources.texts).findings)

    def _check_definition(self, config_maps: list[_Object]) -> Iterator[FileFinding]:
        sources = _Sources(self._file, None, config_maps)
        try:
            findings = read_definition(self._file.text, field="", config_maps=sources.texts).warnings
        except InvalidSweepError as error:
            findings = error.findings
        yield from map(sources.locate, findings)


def _unreadable(findings: Iterable[Finding]) -> bool:
    return any(finding.rule is Rule.UNREADABLE for finding in findings)


class _ConfigMapText:
    """A text in a ConfigMap, which has lines of its own: some of those of the file around it."""

    def __init__(self, owner: _Object, key: str, text: str) -> None:
        self.file = owner.file
        self.text = text
        self._scalar = spot_of(owner.root, ("data", key)).node

    def locate(self, finding: Finding) -> FileFinding:
        """The same finding with its file, line and column."""
        inside = finding.position or _position(self._root, finding) or Position(1, 1)
        return FileFinding(self.file.name, replace(finding, position=self._embedded.around(inside)))

    @cached_property
    def _root(self) -> yaml.Node | None:
        return _nodes(self.text)

    @cached_property
    def _embedded(self) -> Embedded:
        return Embedded(self._scalar, self.file.text)


class _Sources:
    """The texts in which the findings about one sweep can be: its file, and ConfigMaps."""

    def __init__(self, file: File, root: yaml.Node | None, config_maps: Iterable[_Object]) -> None:
        self._file = file
        self._object = root
        texts = [(key, each, text) for each in config_maps for key, text in each.texts().items()]
        self.texts = {key: text for key, _, text in texts}
        self._config_maps = {
            f"ConfigMap {'/'.join(key)}": _ConfigMapText(each, key[1], text) for key, each, text in texts
        }

    def locate(self, finding: Finding) -> FileFinding:
        """The same finding with its file, line and column."""
        named = (text for field, text in self._config_maps.items() if f"{finding.field}: ".startswith(f"{field}: "))
        if config_map := next(named, None):
            return config_map.locate(finding)
        return FileFinding(
            self._file.name, replace(finding, position=finding.position or _position(self._root, finding))
        )

    @cached_property
    def _root(self) -> yaml.Node | None:
        return self._object or _nodes(self._file.text)


def _position(root: yaml.Node | None, finding: Finding) -> Position | None:
    return spot_of(root, finding.place.keys).position if root else None


def _nodes(text: str) -> yaml.Node | None:
    try:
        return nodes_of(text)
    except (yaml.YAMLError, RecursionError):
        return None
