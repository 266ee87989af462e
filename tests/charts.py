"""The chart as Helm renders it, and how tests look at what came out; no cluster is needed for that."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parents[1] / "charts" / "wandbsweep"
# What the chart is rendered for; helm alone knows no cluster to ask.
KUBERNETES = "1.36.3"

Manifest = dict[str, Any]
Values = dict[str, Any]


class RefusedValuesError(Exception):
    """Helm would not render: the text is its own."""


def rendered(helm: str, values: Values | None = None, *, release: str = "wandbsweep") -> list[Manifest]:
    """All manifests of a release in namespace `sweeps`. Raises RefusedValuesError."""
    done = subprocess.run(
        [helm, "template", release, CHART, "--namespace=sweeps", f"--kube-version={KUBERNETES}", "--values=-"],
        input=yaml.safe_dump(values or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RefusedValuesError(done.stderr)
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def nested(path: str, value: Any) -> Values:
    """`nested("a.b", 1)` is `{"a": {"b": 1}}`."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def merged(one: Values, other: Values) -> Values:
    """Both, the second's values before the first's, as Helm merges files of values."""
    both = dict(one)
    for key, value in other.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the_one(manifests: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only manifest of this kind, or of this kind and name."""
    (manifest,) = [each for each in of_kind(manifests, kind) if name in {None, each["metadata"]["name"]}]
    return manifest


def pod_specs(manifests: list[Manifest]) -> list[dict[str, Any]]:
    return [manifest["spec"]["template"]["spec"] for manifest in manifests if "template" in manifest.get("spec", {})]


def container(manifests: list[Manifest], kind: str) -> dict[str, Any]:
    """The one container of the one Deployment or StatefulSet."""
    (only,) = the_one(manifests, kind)["spec"]["template"]["spec"]["containers"]
    return dict(only)


def rules(role: Manifest) -> set[tuple[str, str, str]]:
    """Each right as (group, resource, verb); a resource that is restricted to a name as `resource:name`."""
    found = set()
    for rule in role["rules"]:
        resources = [
            f"{resource}:{name}" if name else resource
            for resource in rule["resources"]
            for name in rule.get("resourceNames", [""])
        ]
        found |= {(group, each, verb) for group in rule["apiGroups"] for each in resources for verb in rule["verbs"]}
    return found
