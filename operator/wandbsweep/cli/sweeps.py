"""The one sweep that a command is about, whether the file is a bare definition or a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.cli.messages import CommandError, tell_findings
from wandbsweep.cli.sources import InputError, Source, read_source
from wandbsweep.sweep.conversion import valid_name
from wandbsweep.sweep.definition import InvalidSweepError, SweepDefinition, read_definition
from wandbsweep.sweep.rendering.evaluation import EvaluationError, EvaluationStage, read_evaluation
from wandbsweep.sweep.texts.kubernetes import as_json_stores_it
from wandbsweep.sweep.texts.verbatim import OwnWords, own_words
from wandbsweep.sweep.texts.writing import yaml_text
from wandbsweep.sweep.wandb_config import definition_digest, definition_token, wandb_config

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_UID: Final = "<uid of the object>"
UNKNOWN_MARK: Final = "<generation>-<digest>"
"""Stand for what only the API server can give."""


@dataclass(frozen=True)
class Sweep:
    """A definition, and what the object around it adds."""

    definition: SweepDefinition
    name: str
    uid: str = UNKNOWN_UID
    max_runs: int | None = None
    runs_per_agent: int | None = None
    agent_count: int = 1
    token: str = UNKNOWN_MARK
    evaluation: EvaluationStage | None = None

    @property
    def config(self) -> dict[str, Any]:
        """What the operator sends to W&B."""
        return wandb_config(
            self.definition,
            display_name=self.name,
            uid=self.uid,
            token=self.token,
            max_runs=self.max_runs,
            runs_per_agent=self.runs_per_agent,
            agent_count=self.agent_count,
            evaluation=self.evaluation,
        )


@dataclass(frozen=True)
class Bare:
    """A definition that stands by itself, as the object will have it that `convert` makes of it."""

    words: OwnWords
    definition: SweepDefinition
    name: str
    """For the object: the definition's own, else the file's; empty if neither makes one."""


def read_sweep(file: str) -> Sweep:
    """Read the sweep of a file and tell its warnings. Raises CommandError."""
    try:
        source = read_source(file)
    except InputError as error:
        raise CommandError(str(error)) from None
    try:
        sweep = _of_manifest(source) if source.objects else _of_bare(read_bare(source))
    except InvalidSweepError as error:
        tell_findings(error.findings)
        raise
    tell_findings(sweep.definition.warnings)
    base = sweep.definition.base_config
    if base and base.content is None and base.config_map:
        message = f"has no ConfigMap {base.config_map.name} with the key {base.config_map.key}"
        raise CommandError(f"{source.name}: {message}, where base_config is; put it into the same text")
    return sweep


def read_bare(source: Source) -> Bare:
    """Read a definition that stands by itself. Raises InvalidSweepError."""
    words = own_words(source.text, field=source.name)
    definition = read_definition(yaml_text(as_json_stores_it(words.data)), field=source.name)
    own_name = definition.config.get("name")
    name = valid_name(own_name) if isinstance(own_name, str) else ""
    return Bare(words, definition, name or valid_name(source.stem))


def _of_bare(bare: Bare) -> Sweep:
    return Sweep(bare.definition, bare.name or "sweep")


def _of_manifest(source: Source) -> Sweep:
    names = [str(_part(manifest, "metadata").get("name", "")) for manifest in source.manifests]
    if len(names) != 1:
        found = f"{len(names)} WandbSweeps ({', '.join(names)})" if names else "no WandbSweep"
        raise CommandError(f"{source.name}: has {found}; give the text of one")
    manifest = as_json_stores_it(source.manifests[0])
    spec, metadata = _part(manifest, "spec"), _part(manifest, "metadata")
    definition, evaluation = _definition_of(spec, source), _evaluation_of(spec, source)
    return Sweep(
        definition,
        name=names[0],
        uid=str(metadata.get("uid") or UNKNOWN_UID),
        max_runs=_number(spec, "maxRuns"),
        runs_per_agent=_number(spec, "runsPerAgent"),
        agent_count=1 if (count := _number(spec, "agentCount")) is None else count,
        token=_token(definition, spec, metadata, evaluation),
        evaluation=evaluation,
    )


def _token(
    definition: SweepDefinition,
    spec: Mapping[str, Any],
    metadata: Mapping[str, Any],
    evaluation: EvaluationStage | None,
) -> str:
    """As a sweep would have it that is created from the object as it is now."""
    generation = _number(metadata, "generation")
    if generation is None:
        return UNKNOWN_MARK
    project = spec.get("project") or definition.project or ""
    digest = definition_digest(definition, entity=spec.get("entity"), project=project, evaluation=evaluation)
    return definition_token(digest, generation)


def _evaluation_of(spec: Mapping[str, Any], source: Source) -> EvaluationStage | None:
    """The second stage of every trial, which travels in the sweep's command."""
    if spec.get("evaluation") is None:
        return None
    try:
        return read_evaluation(spec["evaluation"])
    except EvaluationError as error:
        raise CommandError(f"{source.name}: spec.evaluation: {error}") from None


def _definition_of(spec: Mapping[str, Any], source: Source) -> SweepDefinition:
    if isinstance(spec.get("sweep"), dict):
        return read_definition(spec["sweep"], field="spec.sweep", config_maps=source.config_maps)
    if "sweepID" in spec:
        raise CommandError(f"{source.name}: joins the sweep {spec['sweepID']}, whose definition is on W&B")
    reference = _part(_part(spec, "sweepFrom"), "configMapKeyRef")
    name, key = str(reference.get("name")), str(reference.get("key"))
    text = source.config_maps.get((name, key))
    if text is None:
        message = f"{source.name}: has no ConfigMap {name} with the key {key}, where spec.sweepFrom has the definition"
        raise CommandError(f"{message}; put it into the same text")
    return read_definition(text, field=f"ConfigMap {name}/{key}", config_maps=source.config_maps)


def _part(manifest: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = manifest.get(key)
    return value if isinstance(value, dict) else {}


def _number(spec: Mapping[str, Any], key: str) -> int | None:
    value = spec.get(key)
    return value if isinstance(value, int) else None
