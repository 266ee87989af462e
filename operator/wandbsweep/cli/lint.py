"""`wandbsweep lint`: checks sweep definitions and WandbSweep manifests before anything is applied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from wandbsweep.api.labels import KIND
from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.kubernetes_yaml import load_manifests
from wandbsweep.sweep.manifest import check_manifest
from wandbsweep.sweep.problems import Place, Report
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
def lint(files: tuple[str, ...]) -> None:
    """Check sweep definitions (sweep.yaml) and WandbSweep manifests.

    Prints each problem with the field it is in and what to do about it; - reads standard input. The exit status is 1
    when there is a problem. Warnings do not change it.
    """
    failed = False
    for file in files:
        report = _check_file(file)
        for finding in report.errors:
            click.echo(str(finding))
        for finding in report.warnings:
            click.echo(f"{finding} (warning)")
        if not report.errors:
            click.echo(f"{file}: ok")
        failed = failed or bool(report.errors)
    sys.exit(1 if failed else 0)


def _check_file(file: str) -> Report:
    name = "standard input" if file == "-" else file
    report = Report()
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        report.add(Rule.UNREADABLE, Place(name), f"cannot be read: {error.strerror}")
        return report
    except UnicodeDecodeError:
        report.add(Rule.UNREADABLE, Place(name), "is no text in UTF-8")
        return report
    objects = _kubernetes_objects(text)
    if not objects:
        return _check_definition(text, name)
    config_maps = dict(_texts_of_config_maps(objects))
    for manifest in objects:
        if manifest["kind"] == KIND:
            _add(check_manifest(manifest, config_maps), f"{name}: {_title(manifest)}: ", report)
    return report


def _check_definition(text: str, name: str) -> Report:
    report = Report()
    try:
        report.findings.extend(read_definition(text, field=name).warnings)
    except InvalidSweepError as error:
        report.findings.extend(error.findings)
    return report


def _kubernetes_objects(text: str) -> list[dict[str, Any]]:
    """The manifests in the text, items of lists included; none for a sweep definition or for no YAML at all."""
    try:
        documents = load_manifests(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    found = []
    for document in documents:
        items = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else [document]
        found += [item for item in items or [] if isinstance(item, dict) and "apiVersion" in item and "kind" in item]
    return [item for item in found if item["kind"] != "sweep"]  # W&B's own files may say kind: sweep


def _texts_of_config_maps(objects: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, str], str]]:
    for item in objects:
        if item["kind"] == "ConfigMap":
            for key, text in (item.get("data") or {}).items():
                yield (str((item.get("metadata") or {}).get("name")), str(key)), str(text)


def _title(manifest: Mapping[str, Any]) -> str:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{KIND} {name}" if name else KIND


def _add(found: Report, prefix: str, report: Report) -> None:
    report.findings.extend(finding.under(prefix) for finding in found.findings)
