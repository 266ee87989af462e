"""Hyperparameter scans as a script writes them: the calls of robomimic's ConfigGenerator, one WandbSweep as the result.

    import wandbsweep.config_generator as HyperparamUtils

    generator = HyperparamUtils.ConfigGenerator(base_config_file="base.json", script_file="scan.yaml")
    generator.add_param(key="algo.gmm.enabled", name="gmm", group=1, values=[True, False], value_names=["t", "f"])
    generator.generate()

Where the original writes a JSON file for each trial and a shell script that trains one after the other, this writes one
manifest for `kubectl apply`; each trial gets its JSON file where it runs. Names, order and contents are the same.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api.labels import API_VERSION, KIND
from wandbsweep.sweep.checks.manifest import check_manifest
from wandbsweep.sweep.conversion import Wishes, completed_manifest, valid_name
from wandbsweep.sweep.definition import InvalidSweepError, SweepDefinition, read_definition
from wandbsweep.sweep.rendering.launch import SCAN
from wandbsweep.sweep.rendering.macros import CONFIG_JSON_FILE
from wandbsweep.sweep.rules import Rule
from wandbsweep.sweep.scan.calls import Groups, ScanError, as_json, as_labels, refuse
from wandbsweep.sweep.scan.in_kubernetes import for_kubernetes
from wandbsweep.sweep.texts.kubernetes import load_manifests
from wandbsweep.sweep.texts.writing import yaml_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

__all__ = ["ConfigGenerator", "ScanError"]

IMAGE_VARIABLE: Final = "WANDBSWEEP_IMAGE"
PROJECT_VARIABLE: Final = "WANDB_PROJECT"

COMMAND: Final = ("python", "train.py", "--config", f"${{{CONFIG_JSON_FILE}}}")
"""What each trial runs unless told otherwise."""


class ConfigGenerator:
    """Collects the parameters of a scan and writes it as a WandbSweep.

    The first five arguments are the original's. `script_file` is where the manifest goes; without it, it is called
    after the experiment and lies in `generated_config_dir`, else beside the base file.
    """

    def __init__(
        self,
        base_config_file: str | os.PathLike[str],
        base_exp_name: str | None = None,
        wandb_proj_name: str | None = None,
        script_file: str | os.PathLike[str] | None = None,
        generated_config_dir: str | os.PathLike[str] | None = None,
        *,
        image: str | None = None,
        gpus: int = 1,
        agent_count: int = 1,
        runs_per_agent: int | None = None,
        entity: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Only the base file has to be given.

        Args:
            base_config_file: JSON file with what all trials have in common.
            base_exp_name: what names of trials begin with, instead of the base file's experiment.name.
            wandb_proj_name: W&B project; without it that of WANDB_PROJECT, else the base file's own.
            script_file: where the manifest is written.
            generated_config_dir: folder of the manifest where script_file is not given.
            image: image in which to train; without it that of WANDBSWEEP_IMAGE.
            gpus: GPUs of each agent.
            agent_count: how many agents share the trials at a time.
            runs_per_agent: trials after which a fresh agent takes over.
            entity: W&B user or team.
            name: name of the object; without it that of the experiment.
            namespace: namespace of the object.
            command: what each trial runs; `${config_json_file}` is the path of its JSON file.
        """
        self._base_file = os.fspath(base_config_file)
        self._base_exp_name = base_exp_name
        self._project = wandb_proj_name
        self._script_file = script_file
        self._folder = generated_config_dir
        self._command = tuple(command)
        self._parameters: dict[str, dict[str, Any]] = {}
        self._groups = Groups()
        self._wishes = Wishes(
            image=image or os.environ.get(IMAGE_VARIABLE) or None,
            gpus=gpus,
            agents=agent_count,
            runs_per_agent=runs_per_agent,
            entity=entity,
            name=name,
            namespace=namespace,
        )

    def add_param(  # noqa: PLR0917 - the original's arguments in their order
        self,
        key: str,
        name: str,
        group: Hashable,
        values: Sequence[Any] | None = None,
        value_names: Sequence[Any] | None = None,
        hidename: bool = False,
        prepend: bool = False,
        *,
        values_and_names: Sequence[tuple[Any, Any]] | None = None,
    ) -> None:
        """Scan a setting, or set it. A key that was added before gets new values in its old place.

        Args:
            key: path of the setting in the base configuration, with `/` or `.` between the names.
            name: short name in the names of trials; empty for a setting that is in none.
            group: parameters with equal groups change together, groups are crossed.
            values: list of values.
            value_names: what stands for the values in names.
            hidename: leave it out of names, but tell it in the `meta` section.
            prepend: put it before all others.
            values_and_names: pairs, instead of values and value_names.
        """
        if values_and_names is not None:
            if values is not None or value_names is not None:
                raise ScanError(f"parameter {key!r}: values_and_names stands for values and value_names; give one form")
            values, value_names = [value for value, _ in values_and_names], [label for _, label in values_and_names]
        body = {"name": name, "group": self._groups.written(key, group), "values": as_json(key, values)}
        if value_names is not None:
            body["value_names"] = as_labels(key, value_names)
        if hidename:
            body["hidename"] = True
        self._parameters[key] = body
        if prepend:
            self._parameters = {key: body, **self._parameters}

    def generate(self, override_base_name: bool = False, *, extra_flags: str | None = None) -> Path:
        """Write the manifest, tell what was written and what to do next, and return its path.

        Args:
            override_base_name: names of trials begin with their first parameter.
            extra_flags: more arguments for the command, as in a shell.

        Raises:
            ScanError: what is wrong with the scan, or why the manifest cannot be written.
        """
        base = self._base(override_base_name=override_base_name)
        scan = {
            "method": SCAN,
            "base_config": json.dumps(base, indent=4),
            "base_config_file": self._base_file,
            "command": [*self._command, *shlex.split(extra_flags or "")],
            "parameters": self._parameters,
        }
        definition = _checked(scan)
        manifest = self._manifest(for_kubernetes(scan), base)
        path = self._path(str(manifest["metadata"]["name"]))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml_text(manifest), encoding="utf-8")
        except OSError as error:
            raise ScanError(f"{path} cannot be written ({error.strerror}): give another script_file") from None
        sys.stdout.write(_told(path, manifest, definition, self._wishes.gpus))
        return path

    def _base(self, *, override_base_name: bool) -> dict[str, Any]:
        base = _read_base(self._base_file)
        experiment = base.get("experiment")
        if isinstance(experiment, dict):
            if override_base_name or self._base_exp_name is not None:
                experiment["name"] = "" if override_base_name else self._base_exp_name
            logging = experiment.get("logging")
            if self._project is not None and isinstance(logging, dict):
                logging["wandb_proj_name"] = self._project
                return base
        if self._project is not None:
            raise ScanError(
                f"wandb_proj_name: {self._base_file} has no section experiment.logging to hold it; add one, "
                f"or set {PROJECT_VARIABLE} instead"
            )
        return base

    def _manifest(self, scan: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
        project = self._project or os.environ.get(PROJECT_VARIABLE) or _own_project(base)
        candidates = (self._base_exp_name or "", base["experiment"].get("name", ""), Path(self._base_file).stem)
        name = self._wishes.name or next(filter(None, map(valid_name, candidates)), "scan")
        spec = {**({"project": project} if project else {}), "sweep": dict(scan)}
        bare = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        manifest = completed_manifest(bare, self._wishes)
        if not self._wishes.image:
            del manifest["spec"]["template"]
        elif project:
            (stored,) = load_manifests(yaml_text(manifest))
            refuse(check_manifest(stored, {}).errors)
        return manifest

    def _path(self, name: str) -> Path:
        if self._script_file is not None:
            return Path(self._script_file).expanduser()
        folder = Path(self._base_file).parent if self._folder is None else Path(self._folder).expanduser()
        return folder / f"{name}.yaml"


def _read_base(file: str) -> dict[str, Any]:
    try:
        base = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ScanError(f"base_config_file: {file} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ScanError(f"base_config_file: {file} is no JSON ({error})") from None
    if not isinstance(base, dict):
        raise ScanError(f"base_config_file: {file} must hold a JSON object")
    return base


def _own_project(base: Mapping[str, Any]) -> str | None:
    logging = base["experiment"].get("logging")
    project = logging.get("wandb_proj_name") if isinstance(logging, dict) else None
    return project if isinstance(project, str) and project else None


def _checked(scan: Mapping[str, Any]) -> SweepDefinition:
    """The scan with its trials; parameters are called by their keys in what is wrong with it."""
    try:
        definition = read_definition(scan, field="scan")
    except InvalidSweepError as error:
        raise ScanError(str(error)) from None
    told = [finding for finding in definition.warnings if finding.rule is not Rule.ORDER_LOST]
    sys.stderr.writelines(f"warning: {finding}\n" for finding in told)
    return definition


def _told(path: Path, manifest: Mapping[str, Any], definition: SweepDefinition, gpus: int | None) -> str:
    file, spec = shlex.quote(str(path)), manifest["spec"]
    missing = [] if "template" in spec else ["--image IMAGE", *([] if gpus == 1 else [f"--gpus {gpus}"])]
    missing += [] if "project" in spec else ["--project PROJECT"]
    apply = (
        f"wandbsweep convert {file} {' '.join(missing)} | kubectl apply -f -" if missing else f"kubectl apply -f {file}"
    )
    lines = [
        f"{path}: WandbSweep {manifest['metadata']['name']}, {len(definition.trials)} trials",
        *(f"  {trial.name}" for trial in definition.trials),
        f"Look at them: wandbsweep preview {file} -n all",
        f"Run them: {apply}",
    ]
    return "\n".join(lines) + "\n"
