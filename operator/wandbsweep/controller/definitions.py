"""Reads and checks what is to be swept: the definition, wherever it stands, and the pod templates, by a dry run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wandbsweep.api.isaac import EULA
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.controller.kube_api import NotFoundError, RefusedError, core_path, jobs_path
from wandbsweep.pool.creation import evaluation_of
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.jobs import agent_job
from wandbsweep.pool.search_job import search_job
from wandbsweep.sweep.checks.evaluation import check_evaluation
from wandbsweep.sweep.checks.objects import check_in_object
from wandbsweep.sweep.checks.template_shape import misshapen
from wandbsweep.sweep.definition import InvalidSweepError, SweepDefinition, read_definition
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.problems import Place, summary
from wandbsweep.sweep.reading.base_config import BASE_CONFIG, base_config_source
from wandbsweep.sweep.rules import Severity
from wandbsweep.sweep.search_order import OrderError, search_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.api.spec import ConfigMapKeyRef, WandbSweepSpec
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.jobs import Owner, Runtime
    from wandbsweep.sweep.reading.base_config import ConfigMapKey


@dataclass(frozen=True)
class Source:
    """Where a definition stands and what it says, with the ConfigMaps that it refers to."""

    definition: str | Mapping[str, Any]
    place: Place
    config_maps: Mapping[tuple[str, str], str]


async def read_sweep(kube: KubeApi, namespace: str, spec: WandbSweepSpec) -> SweepDefinition | Problem:
    """The definition of a sweep that is to be created, or what is wrong with it."""
    source = await read_source(kube, namespace, spec)
    return source if isinstance(source, Problem) else understand(source, spec)


async def read_source(kube: KubeApi, namespace: str, spec: WandbSweepSpec) -> Source | Problem:
    """What the object says and refers to, as it stands, or what of it is not there."""
    definition: str | Mapping[str, Any] = spec.sweep or {}
    place = Place("spec.sweep")
    if spec.sweep_from is not None:
        reference = spec.sweep_from.config_map_key_ref
        text = await _config_map_text(kube, namespace, reference, "spec.sweepFrom", "sweep.yaml")
        if isinstance(text, Problem):
            return text
        definition, place = text, Place(f"ConfigMap {reference.name}/{reference.key}", joint=": ")
    config_maps: dict[tuple[str, str], str] = {}
    # A key of a mapping, a word of a text: most texts lack it, and are not parsed for it.
    if BASE_CONFIG in definition and (base := base_config_source(definition)):
        text = await _config_map_text(kube, namespace, base, (place / BASE_CONFIG).path, "base.json")
        if isinstance(text, Problem):
            return text
        config_maps[base.name, base.key] = text
    return Source(definition, place, config_maps)


def understand(source: Source, spec: WandbSweepSpec) -> SweepDefinition | Problem:
    """What a source means in this object, or what is wrong with it."""
    try:
        definition = read_definition(source.definition, field=source.place.path, config_maps=source.config_maps)
    except InvalidSweepError as error:
        return Problem(Reason.SWEEP_INVALID, summary(error.errors))
    if spec.project is None and definition.project is None:
        return Problem(
            Reason.PROJECT_MISSING,
            "spec.project: no W&B project is named; write `project:` into the sweep definition, or delete the object "
            "and apply it with spec.project, which cannot be set later",
        )
    evaluation = check_evaluation(evaluation_of(spec), definition)
    if errors := [finding for finding in evaluation if finding.severity is Severity.ERROR]:
        return Problem(Reason.SWEEP_INVALID, summary(errors))
    unintended = check_in_object(
        definition,
        source.place / "command",
        max_runs=spec.max_runs,
        runs_per_agent=spec.runs_per_agent,
        target=spec.limits.target,
        template=spec.template,
        isaac=spec.isaac.model_dump(mode="json") if spec.isaac else None,
    )
    return replace(definition, warnings=(*definition.warnings, *evaluation, *unintended))


async def _config_map_text(
    kube: KubeApi, namespace: str, reference: ConfigMapKeyRef | ConfigMapKey, owner: str, file: str
) -> str | Problem:
    """What a definition refers to; `owner` is the part of it that does, `file` what users keep such a text in."""
    name, key = reference.name, reference.key
    field = f"{owner}.configMapKeyRef"
    try:
        config_map = await kube.get(core_path(namespace, "configmaps", name))
    except NotFoundError:
        return Problem(
            Reason.CONFIG_MAP_NOT_FOUND,
            f"{field}.name: there is no ConfigMap {name!r} in namespace {namespace!r}; create it with "
            f"`kubectl -n {namespace} create configmap {name} --from-file={key}={file}`",
        )
    text = config_map.get("data", {}).get(key)
    if text is None:
        keys = ", ".join(sorted(config_map.get("data", {}))) or "none"
        return Problem(
            Reason.CONFIG_MAP_KEY_NOT_FOUND,
            f"{field}.key: ConfigMap {name!r} has no key {key!r} (it has: {keys}); add it, or name one that is there",
        )
    return str(text)


def licence_problem(spec: WandbSweepSpec) -> Problem | None:
    """The API server takes no such object; one that came in through an older CRD starts nothing either."""
    if spec.isaac is None or spec.isaac.accept_eula:
        return None
    return Problem(
        Reason.LICENCE_NOT_ACCEPTED,
        f"spec.isaac.acceptEULA: must be true: read NVIDIA's licence at {EULA} and accept it, or remove spec.isaac",
    )


def was_checked(status: WandbSweepStatus, generation: int) -> bool:
    """Whether this generation of the object was found sound already, definition and template."""
    valid = status.condition(ConditionType.SWEEP_VALID)
    return bool(valid and valid.status is ConditionStatus.TRUE and valid.observed_generation == generation)


async def check_templates(
    kube: KubeApi, runtime: Runtime, owner: Owner, spec: WandbSweepSpec, definition: SweepDefinition | None
) -> Problem | None:
    """Have the API server judge the Jobs of an agent and of a search as a whole, before anything exists."""
    for field, template in (("spec.template", spec.template), ("spec.search.template", spec.search.template or {})):
        if finding := misshapen(template, Place(field)):
            return Problem(Reason.TEMPLATE_REJECTED, str(finding))
    path = SweepPath("entity", "project", "dry-run")
    agent = agent_job(owner, spec, runtime, path, slot=0, attempt=0)
    if refusal := await _refusal(kube, agent, f"{owner.name}-dry-run"):
        return Problem(Reason.TEMPLATE_REJECTED, f"spec.template: the API server refuses the agent's Job: {refusal}")
    if definition is None:
        return None
    retry_failed = spec.search.retry_failed
    try:
        order = search_order(definition, name=owner.name, max_runs=spec.max_runs, retry_failed=retry_failed)
    except OrderError as error:
        return Problem(Reason.SWEEP_INVALID, str(error))
    if order is None:
        return None
    search = search_job(owner, spec, runtime, path, order=order, attempt=0, agent_count=spec.agent_count)
    if refusal := await _refusal(kube, search, f"{owner.name}-search-dry-run"):
        message = f"spec.search.template: the API server refuses the search's Job: {refusal}"
        return Problem(Reason.TEMPLATE_REJECTED, message)
    return None


async def _refusal(kube: KubeApi, job: dict[str, Any], name: str) -> str | None:
    """The words of the API server, if it would not have this Job under a name that no real one has."""
    named = {**job, "metadata": {**job["metadata"], "name": name}}
    try:
        await kube.create(jobs_path(job["metadata"]["namespace"]), named, dry_run=True)
    except RefusedError as error:
        return str(error)
    return None
