"""Makes a WandbSweep manifest of a definition, or completes one that lacks what a definition cannot say.

A definition says what to search; which image trains, how many agents share the work and where the object lives is asked
for here. What is made passes the checks of `manifest.py` as far as the definition does.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api.crd import LONGEST_NAME
from wandbsweep.api.labels import API_VERSION, KIND
from wandbsweep.sweep.texts.writing import yaml_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_AGENTS: Final = 1000
_UNNAMEABLE: Final = re.compile(r"[^a-z0-9]+")
_OWN_TEXT: Final = "the definition in its own words"
_GPU: Final = "nvidia.com/gpu"
_NOBODY: Final = 1000
"""User and group of the trainer where the image names none: any but root."""


class ConversionError(ValueError):
    """No object can be made of what was given; the message says what is missing and how to give it."""


@dataclass(frozen=True)
class Wishes:
    """What an object has beside its definition. None: nothing was said about it."""

    image: str | None = None
    gpus: int | None = None
    agents: int | None = None
    runs_per_agent: int | None = None
    max_runs: int | None = None
    evaluation: str | None = None
    """A command line, as a shell takes it."""
    sweep_id: str | None = None
    entity: str | None = None
    project: str | None = None
    name: str | None = None
    namespace: str | None = None

    @property
    def agent_count(self) -> int | None:
        """Told, or as many as the budget needs if each does its share: 50 runs, 5 for each agent, make 10."""
        if self.agents is not None or self.max_runs is None or self.runs_per_agent is None:
            return self.agents
        count = -(-self.max_runs // self.runs_per_agent)
        if count > _MOST_AGENTS:
            raise ConversionError(
                f"{self.max_runs} runs, {self.runs_per_agent} for each agent, would make {count} agents, "
                f"and {_MOST_AGENTS} can work at a time; give their number with --agents"
            )
        return count


def new_manifest(
    definition: Mapping[str, Any], wishes: Wishes, *, name: str, entity: str | None = None, project: str | None = None
) -> dict[str, Any]:
    """The object for a definition, which stays as it is. Raises ConversionError.

    Args:
        definition: as it goes under spec.sweep.
        wishes: what else the object is to have.
        name: what the object is called unless wished otherwise.
        entity: W&B entity that the definition names elsewhere than at its top.
        project: W&B project, likewise.
    """
    own = {"entity": definition.get("entity") or entity, "project": definition.get("project") or project}
    if wishes.image is None:
        raise ConversionError("no image is named in which to train; give it with --image")
    if not (wishes.project or own["project"]):
        raise ConversionError(
            "no W&B project is named; give it with --project, in the environment variable WANDB_PROJECT, "
            "or as `project:` in the definition"
        )
    lifted = {key: value for key, value in own.items() if value and (wishes.sweep_id or not definition.get(key))}
    source: dict[str, Any] = {"sweepID": wishes.sweep_id} if wishes.sweep_id else {"sweep": dict(definition)}
    spec = {**lifted, **source, "agentCount": 1, "template": _template(wishes)}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": wishes.name or name}, "spec": spec}
    return completed_manifest(manifest, wishes)


def completed_manifest(manifest: Mapping[str, Any], wishes: Wishes) -> dict[str, Any]:
    """The object with what is wished for; what nothing was said about is kept, a missing pod template is made."""
    metadata = {"name": wishes.name, "namespace": wishes.namespace}
    spec = {
        "entity": wishes.entity,
        "project": wishes.project,
        "sweepID": wishes.sweep_id,
        "agentCount": wishes.agent_count,
        "runsPerAgent": wishes.runs_per_agent,
        "maxRuns": wishes.max_runs,
        "evaluation": _evaluation(wishes.evaluation),
    }
    wished = {key: value for key, value in spec.items() if value is not None}
    kept = {key: value for key, value in manifest["spec"].items() if key not in wished}
    template = _completed_template(kept.pop("template", None), wishes)
    definition = {key: kept.pop(key) for key in ("sweep", "sweepFrom") if key in kept and not wishes.sweep_id}
    return {
        **manifest,
        "metadata": {**manifest["metadata"], **{key: text for key, text in metadata.items() if text}},
        "spec": {**_in_order({**kept, **wished}, spec), **definition, "template": template},
    }


def _evaluation(line: str | None) -> dict[str, Any] | None:
    if line is None:
        return None
    try:
        return {"command": shlex.split(line)}
    except ValueError as error:
        raise ConversionError(f"--evaluation {line}: {error}") from None


def _in_order(fields: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    return {key: fields[key] for key in [*order, *fields] if key in fields}


def _completed_template(template: Any, wishes: Wishes) -> Any:
    if template is None:
        return _template(wishes)
    try:
        first, *others = template["spec"]["containers"]
        changed = {**first, **({"image": wishes.image} if wishes.image else {})}
        if wishes.gpus is not None:
            resources = first.get("resources") or {}
            limits = {**(resources.get("limits") or {}), _GPU: wishes.gpus}
            changed["resources"] = {**resources, "limits": limits}
    except (TypeError, KeyError, ValueError, AttributeError):
        return template  # the checks of the manifest say what is wrong with it
    return {**template, "spec": {**template["spec"], "containers": [changed, *others]}}


def _template(wishes: Wishes) -> dict[str, Any]:
    """A pod that the restricted Pod Security Standard admits, with a folder to write to."""
    gpus = 1 if wishes.gpus is None else wishes.gpus
    container = {
        "name": "trainer",
        "image": wishes.image,
        **({"resources": {"limits": {_GPU: gpus}}} if gpus else {}),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
    }
    user = {"runAsUser": _NOBODY, "runAsGroup": _NOBODY, "fsGroup": _NOBODY}
    return {
        "spec": {
            "securityContext": {"runAsNonRoot": True, **user, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
    }


def manifest_yaml(manifest: Mapping[str, Any], own_text: str | None = None) -> str:
    """The object as YAML. `own_text` is the definition under spec.sweep in its user's own words."""
    if own_text is None or "sweep" not in manifest["spec"]:
        return yaml_text(dict(manifest))
    spec = {**manifest["spec"], "sweep": _OWN_TEXT}
    text = yaml_text({**manifest, "spec": spec})
    own_lines = textwrap.indent(own_text, "    ")
    return text.replace(f"  sweep: {_OWN_TEXT}\n", f"  sweep:\n{own_lines}", 1)


def valid_name(text: str) -> str:
    """The text as the name of an object, or nothing if no letter or digit is in it."""
    name = _UNNAMEABLE.sub("-", text.lower()).strip("-")
    if name and not name[0].isalpha():
        name = f"sweep-{name}"
    return name[:LONGEST_NAME].rstrip("-")
