"""Reads and checks what is to be swept: the definition, wherever it stands, and the pod template, by a dry run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.controller.kube_api import NotFoundError, RefusedError, core_path, jobs_path
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.jobs import Owner, agent_job
from wandbsweep.sweep.checks.objects import check_in_object
from wandbsweep.sweep.definition import InvalidSweepError, SweepDefinition, read_definition
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.problems import Place, summary
from wandbsweep.sweep.reading.base_config import BASE_CONFIG, base_config_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.api.spec import ConfigMapKeyRef, WandbSweepSpec
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.controller.kube_api import KubeApi
    from wandbsweep.pool.jobs import Runtime
    from wandbsweep.sweep.reading.base_config import ConfigMapKey


async def read_sweep(kube: KubeApi, namespace: str, spec: WandbSweepSpec) -> SweepDefinition | Problem:
    """The definition of a sweep that is to be created, or what is wrong with it."""
    source: str | Mapping[str, Any] = spec.sweep or {}
    field, joint = "spec.sweep", "."
    if spec.sweep_from is not None:
        reference = spec.sweep_from.config_map_key_ref
        text = await _config_map_text(kube, namespace, reference, "spec.sweepFrom", "sweep.yaml")
        if isinstance(text, Problem):
            return text
        source, field, joint = text, f"ConfigMap {reference.name}/{reference.key}", ": "
    config_maps: dict[tuple[str, str], str] = {}
    # A key of a mapping, a word of a text: most texts lack it, and are not parsed for it.
    if BASE_CONFIG in source and (base := base_config_source(source)):
        text = await _config_map_text(kube, namespace, base, f"{field}{joint}base_config", "base.json")
        if isinstance(text, Problem):
            return text
        config_maps[base.name, base.key] = text
    try:
        definition = read_definition(source, field=field, config_maps=config_maps)
    except InvalidSweepError as error:
        return Problem(Reason.SWEEP_INVALID, summary(error.errors))
    if spec.project is None and definition.project is None:
        return Problem(
            Reason.PROJECT_MISSING,
            "spec.project: no W&B project is named; write `project:` into the sweep definition, or delete the object "
            "and apply it with spec.project, which cannot be set later",
        )
    unintended = check_in_object(
        definition,
        Place(field, joint) / "command",
        max_runs=spec.max_runs,
        runs_per_agent=spec.runs_per_agent,
        target=spec.limits.target,
        template=spec.template,
    )
    return replace(definition, warnings=(*definition.warnings, *unintended))


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


def was_checked(status: WandbSweepStatus, generation: int) -> bool:
    """Whether this generation of the object was found sound already, definition and template."""
    valid = status.condition(ConditionType.SWEEP_VALID)
    return bool(valid and valid.status is ConditionStatus.TRUE and valid.observed_generation == generation)


async def check_template(kube: KubeApi, runtime: Runtime, owner: Owner, spec: WandbSweepSpec) -> Problem | None:
    """Have the API server judge the Job of an agent as a whole, before anything exists."""
    path = SweepPath("entity", "project", "dry-run")
    job = agent_job(owner, spec, runtime, path, slot=0, attempt=0)
    job["metadata"]["name"] = f"{owner.name}-dry-run"  # the name of a real Job may be taken
    try:
        await kube.create(jobs_path(owner.namespace), job, dry_run=True)
    except RefusedError as error:
        return Problem(Reason.TEMPLATE_REJECTED, f"spec.template: the API server refuses the agent's Job: {error}")
    return None
