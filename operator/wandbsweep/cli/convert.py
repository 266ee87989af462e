"""`wandbsweep convert`: sweep definitions of any system in, manifests that `kubectl apply` takes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from wandbsweep.api.labels import KIND
from wandbsweep.cli.generated import GeneratedScan, generated_config, scan_of_configs, scan_of_script
from wandbsweep.cli.messages import CommandError, tell_findings
from wandbsweep.cli.output import output_option, written
from wandbsweep.cli.sources import InputError, Source, read_source
from wandbsweep.cli.sweeps import read_bare
from wandbsweep.sweep.checks.files import File, lint
from wandbsweep.sweep.conversion import (
    ConversionError,
    Wishes,
    completed_manifest,
    manifest_yaml,
    new_manifest,
    valid_name,
)
from wandbsweep.sweep.problems import InvalidSweepError
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.scan.in_kubernetes import for_kubernetes
from wandbsweep.sweep.scan.scanned_settings import NoScanError
from wandbsweep.sweep.texts.kubernetes import as_json_stores_it
from wandbsweep.sweep.texts.writing import yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COUNT = click.IntRange(min=1)


@dataclass(frozen=True)
class _Made:
    """One object for the output."""

    manifest: Mapping[str, Any]
    text: str
    source: str
    """What it was made of, for messages."""


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("--image", help="Image in which to train. Needed unless FILE is a manifest that names one.")
@click.option("--gpus", type=click.IntRange(min=0), help="GPUs of each agent.  [default: 1]")
@click.option("--agents", type=click.IntRange(min=0), help="How many agents work at a time (spec.agentCount).")
@click.option("--runs-per-agent", type=_COUNT, help="Runs after which a fresh agent takes over (spec.runsPerAgent).")
@click.option("--max-runs", type=_COUNT, help="Budget of the whole sweep (spec.maxRuns).")
@click.option("--evaluation", metavar="COMMAND", help="Runs after each training (spec.evaluation.command).")
@click.option("--sweep-id", help="Join this sweep, which exists on W&B, instead of creating one (spec.sweepID).")
@click.option("--entity", envvar="WANDB_ENTITY", show_envvar=True, help="W&B user or team (spec.entity).")
@click.option("--project", envvar="WANDB_PROJECT", show_envvar=True, help="W&B project (spec.project).")
@click.option("--name", help="Name of the object. Default: the definition's name, else that of the file.")
@click.option("-n", "--namespace", help="Namespace of the object. Default: where kubectl applies it.")
@output_option()
def convert(files: tuple[str, ...], form: str, **options: Any) -> None:
    """Make WandbSweep manifests of sweep definitions.

    FILE is a sweep.yaml of W&B, AGILE or Metta, a scan, or a manifest to be completed; - reads standard input. The
    definition stays as its user wrote it, comments included. The JSON configurations that robomimic's ConfigGenerator
    wrote, or its script, are read back into one scan.

    For example: wandbsweep convert sweep.yaml --image lab/isaac-lab:2.3 | kubectl apply -f -
    """
    wishes = Wishes(**{key: None if value == "" else value for key, value in options.items()})
    if not files and not wishes.sweep_id:
        raise click.UsageError("Missing argument 'FILE...'.")
    try:
        made = _convert(files, wishes)
    except (ConversionError, NoScanError, InputError) as error:
        raise CommandError(str(error)) from None
    except InvalidSweepError as error:
        tell_findings(error.findings)
        raise
    sweeps = [each for each in made if each.manifest["kind"] == KIND]
    if wishes.name and len(sweeps) > 1:
        raise CommandError(f"--name {wishes.name} would be the name of {len(sweeps)} objects; convert them one by one")
    _check(made)
    click.echo(_written(made, form), nl=False)


def _check(made: Sequence[_Made]) -> None:
    """What is printed is linted first, under the names of what it was made of."""
    found = lint(File(str(number), each.text) for number, each in enumerate(made))
    tell_findings(each.finding.under(f"{made[int(each.file)].source}: ") for each in found)


def _written(made: Sequence[_Made], form: str) -> str:
    if form == "yaml":
        return "---\n".join(each.text for each in made)
    objects = [as_json_stores_it(each.manifest) for each in made]
    return written(objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}, form)


def _convert(files: Sequence[str], wishes: Wishes) -> list[_Made]:
    if not files:
        manifest = new_manifest({}, wishes, name=wishes.name or valid_name(wishes.sweep_id or ""))
        return [_Made(manifest, manifest_yaml(manifest), "--sweep-id")]
    sources = [read_source(file) for file in files]
    configs = {source.name: config for source in sources if (config := generated_config(source))}
    made: list[_Made] = []
    for source in sources:
        if source.name in configs:
            if source.name == next(iter(configs)):  # one scan of them all, in the place of the first
                made.append(_from_scan(scan_of_configs(list(configs.values())), wishes, source))
        elif scan := scan_of_script(source):
            made.append(_from_scan(scan, wishes, source))
        elif source.objects:
            made += [_completed(item, source, wishes) for item in source.objects]
        else:
            made.append(_from_definition(source, wishes))
    return made


def _from_definition(source: Source, wishes: Wishes) -> _Made:
    bare = read_bare(source)
    name = wishes.name or bare.name
    if not name:
        raise ConversionError(f"{source.name}: no name can be made for the object; give one with --name")
    own = bare.definition
    manifest = new_manifest(bare.words.data, wishes, name=name, entity=own.entity, project=own.project)
    return _Made(manifest, manifest_yaml(manifest, bare.words.text), source.name)


def _from_scan(scan: GeneratedScan, wishes: Wishes, source: Source) -> _Made:
    name = wishes.name or valid_name(scan.name) or valid_name(source.stem) or SCAN
    manifest = new_manifest(for_kubernetes(scan.definition), wishes, name=name, project=scan.project)
    return _Made(manifest, manifest_yaml(manifest), source.name)


def _completed(item: Mapping[str, Any], source: Source, wishes: Wishes) -> _Made:
    if item["kind"] == KIND:
        if not all(isinstance(item.get(part), dict) for part in ("metadata", "spec")):
            raise ConversionError(f"{source.name}: a {KIND} has metadata and a spec, and this one has not")
        item = completed_manifest(item, wishes)
    return _Made(item, yaml_text(item), source.name)
