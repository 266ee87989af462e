"""A WandbSweep manifest checked without a cluster: what the API server would refuse, and what the operator would.

Shape and rules are taken from the CRD itself; only CEL's few expressions are repeated here, in Python.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api.crd import LONGEST_NAME, crd
from wandbsweep.api.labels import API_VERSION, KIND
from wandbsweep.sweep.checks.evaluation import check_evaluation
from wandbsweep.sweep.checks.objects import check_in_object
from wandbsweep.sweep.checks.template_shape import misshapen
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.problems import Finding, InvalidSweepError, Place, Report, did_you_mean, kind_of
from wandbsweep.sweep.rendering.evaluation import EvaluationStage, read_evaluation
from wandbsweep.sweep.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CEL: Final[Mapping[str, Callable[[Any], bool]]] = {
    f"self.metadata.name.size() <= {LONGEST_NAME}": lambda self: len(self["metadata"]["name"]) <= LONGEST_NAME,
    "[has(self.sweep), has(self.sweepFrom), has(self.sweepID)].filter(given, given).size() == 1": lambda self: (
        len({"sweep", "sweepFrom", "sweepID"} & self.keys()) == 1
    ),
    "!has(self.sweepID) || has(self.project)": lambda self: "sweepID" not in self or "project" in self,
    "!has(self.sweepID) || !has(self.evaluation)": lambda self: not {"sweepID", "evaluation"} <= self.keys(),
    "!has(self.sweepID) || !has(self.search.template) && self.search.retryFailed == 0": lambda self: (
        "sweepID" not in self or not ("template" in (told := self.get("search", {})) or told.get("retryFailed", 0))
    ),
    "has(self.claimName) != has(self.hostPath)": lambda self: ("claimName" in self) != ("hostPath" in self),
    "self": bool,
    "self >= 0 && self <= 1000": lambda self: 0 <= self <= 1000,  # noqa: PLR2004 - the rule's own bounds
    "self >= 0 && self <= 10": lambda self: 0 <= self <= 10,  # noqa: PLR2004 - the rule's own bounds
    "self >= 0": lambda self: self >= 0,
    "self >= 1": lambda self: self >= 1,
    "self > 0.0": lambda self: self > 0,
    "self.startsWith('/') && self != '/'": lambda self: self.startswith("/") and self != "/",
}
"""The rules of the CRD that are no regular expressions and look at one object only."""

_NAME: Final = Place("metadata.name", keys=("metadata", "name"))
_SPEC: Final = Place("spec", keys=("spec",))
_SWEEP: Final = "spec.sweep"

_MATCHES = re.compile(r"self(\.metadata\.name)?\.matches\('(.*)'\)")

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_WORDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
}


def check_manifest(manifest: Mapping[str, Any], config_maps: Mapping[tuple[str, str], str]) -> Report:
    """What is wrong, or looks wrong, in a manifest.

    Args:
        manifest: the object, as the API server would store it.
        config_maps: the texts of ConfigMaps that are at hand, by name and key, for spec.sweepFrom.
    """
    report = Report()
    (version,) = crd()["spec"]["versions"]
    if manifest.get("apiVersion") != API_VERSION:
        place = Place("apiVersion", keys=("apiVersion",))
        report.add(Rule.INVALID_VALUE, place, f"must be {API_VERSION}, not {manifest.get('apiVersion')!r}")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        report.add(Rule.MISSING_KEY, _NAME, "is missing", f"give the {KIND} a name")
        return report
    schema = version["schema"]["openAPIV3Schema"]
    _check_rules(dict(manifest), schema, _NAME, report)
    if "spec" not in manifest:
        report.add(Rule.MISSING_KEY, _SPEC, "is missing", "say in it what to sweep and in which pods")
        return report
    _check_node(manifest["spec"], schema["properties"]["spec"], _SPEC, report)
    if not report.errors:
        _check_shapes(manifest["spec"], report)
    if not report.errors:
        _check_images(manifest["spec"]["template"], report)
        _check_definition(manifest["spec"], config_maps, report)
    return report


def _check_node(value: Any, schema: Mapping[str, Any], place: Place, report: Report) -> None:
    kind = schema["type"]
    of_kind = isinstance(value, _TYPES[kind]) and isinstance(value, bool) == (kind == "boolean")
    if not of_kind:
        report.add(Rule.WRONG_KIND, place, f"must be {_WORDS.get(kind, 'a number')}, not {kind_of(value)}")
        return
    before = len(report.errors)
    if kind == "object":
        _check_fields(value, schema, place, report)
    elif kind == "array":
        _check_items(value, schema, place, report)
    elif kind == "string":
        _check_text(value, schema, place, report)
    if len(report.errors) == before:
        _check_rules(value, schema, place, report)


def _check_fields(value: Mapping[str, Any], schema: Mapping[str, Any], place: Place, report: Report) -> None:
    fields = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            report.add(Rule.MISSING_KEY, place / name, f"is missing. {fields[name]['description']}")
    for name, item in value.items():
        if name in fields:
            _check_node(item, fields[name], place / name, report)
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            report.add(
                Rule.UNKNOWN_KEY, place / name, "there is no such field", did_you_mean(name, fields, "remove it")
            )


def _check_items(value: list[Any], schema: Mapping[str, Any], place: Place, report: Report) -> None:
    if len(value) < schema.get("minItems", 0):
        report.add(Rule.EMPTY, place, f"must have at least {schema['minItems']} item")
    for index, item in enumerate(value):
        _check_node(item, schema["items"], place / index, report)


def _check_text(value: str, schema: Mapping[str, Any], place: Place, report: Report) -> None:
    if value not in schema.get("enum", [value]):
        choice = ", ".join(schema["enum"])
        message = f"must be one of {choice}, not {value!r}"
        report.add(Rule.INVALID_VALUE, place, message, did_you_mean(value, schema["enum"]))
    if len(value) < schema.get("minLength", 0):
        report.add(Rule.EMPTY, place, "must not be empty")
    if len(value) > schema.get("maxLength", len(value)):
        report.add(Rule.INVALID_VALUE, place, f"must have at most {schema['maxLength']} characters")


def _check_rules(value: Any, schema: Mapping[str, Any], place: Place, report: Report) -> None:
    for rule in schema.get("x-kubernetes-validations", []):
        if "oldSelf" not in rule["rule"] and not holds(rule["rule"], value):
            path, _, rest = rule["message"].partition(" ")
            own_path = path.startswith(("spec.", "metadata."))
            message, _, remedy = (rest if own_path else rule["message"]).partition("; ")
            spot = Place(path, keys=tuple(path.split("."))) if own_path else place
            report.add(Rule.INVALID_VALUE, spot, message, remedy)


def holds(rule: str, value: Any) -> bool:
    """Whether a rule of the CRD is true of a value, as the API server would find."""
    matches = _MATCHES.fullmatch(rule)
    if not matches:
        return CEL[rule](value)
    text = value["metadata"]["name"] if matches[1] else value
    pattern = matches[2].replace("\\\\", "\\")
    # CEL's $ is the very end of the text, and its \s is ASCII.
    ending = r"\Z" if pattern.endswith("$") else ""
    return re.search(pattern.removesuffix("$") + ending, text, re.ASCII) is not None


def _check_definition(spec: Mapping[str, Any], config_maps: Mapping[tuple[str, str], str], report: Report) -> None:
    source: str | Mapping[str, Any] | None = spec.get("sweep")
    field, joint = _SWEEP, "."
    if "sweepFrom" in spec:
        reference = spec["sweepFrom"]["configMapKeyRef"]
        source = config_maps.get((reference["name"], reference["key"]))
        field, joint = f"ConfigMap {reference['name']}/{reference['key']}", ": "
        _check_reference(reference["name"], reference["key"], config_maps, report)
    if source is None:
        return
    try:
        definition = read_definition(source, field=field, config_maps=config_maps)
    except InvalidSweepError as error:
        report.findings.extend(map(_in_the_object, error.findings))
        return
    report.findings.extend(map(_in_the_object, definition.warnings))
    report.findings.extend(check_evaluation(_evaluation(spec), definition))
    report.findings.extend(
        _in_the_object(finding)
        for finding in check_in_object(
            definition,
            Place(field, joint) / "command",
            max_runs=spec.get("maxRuns"),
            runs_per_agent=spec.get("runsPerAgent"),
            target=spec.get("limits", {}).get("target"),
            template=spec["template"],
            isaac=spec.get("isaac"),
        )
    )
    if not spec.get("project") and not definition.project:
        remedy = "name the W&B project here, or as project in the definition"
        report.add(Rule.MISSING_KEY, _SPEC / "project", "is missing", remedy)


def _evaluation(spec: Mapping[str, Any]) -> EvaluationStage | None:
    return read_evaluation(spec["evaluation"]) if spec.get("evaluation") else None


def _check_reference(name: str, key: str, config_maps: Mapping[tuple[str, str], str], report: Report) -> None:
    """A ConfigMap that is at hand must have the key; one that is not may be in the cluster."""
    keys = [known for owner, known in config_maps if owner == name]
    if keys and key not in keys:
        place = _SPEC / "sweepFrom" / "configMapKeyRef" / "key"
        remedy = did_you_mean(key, keys, f"it has {', '.join(keys)}")
        report.add(Rule.MISSING_KEY, place, f"ConfigMap {name} has no key {key!r}", remedy)


def _in_the_object(finding: Finding) -> Finding:
    """Keys of spec.sweep are counted from its own top, and now from that of the object; those of ConfigMaps are not."""
    return finding.under("", ("spec", "sweep")) if finding.field.startswith(_SWEEP) else finding


def _check_shapes(spec: Mapping[str, Any], report: Report) -> None:
    search = spec.get("search") or {}
    for place, template in (
        (_SPEC / "template", spec["template"]),
        (_SPEC / "search" / "template", search.get("template")),
    ):
        if template is not None and (finding := misshapen(template, place)):
            report.findings.append(finding)


def _check_images(template: Mapping[str, Any], report: Report) -> None:
    pod = template["spec"]
    for kind in ("initContainers", "containers"):
        containers = pod.get(kind)
        for index, container in enumerate(containers if isinstance(containers, list) else ()):
            if isinstance(container, dict) and not container.get("image"):
                place = _SPEC / "template" / "spec" / kind / index / "image"
                report.add(Rule.MISSING_KEY, place, "is missing", "name the image that the container runs")
