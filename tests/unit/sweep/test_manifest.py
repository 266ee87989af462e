"""A manifest is checked without a cluster, by the rules of the CRD itself and the checks of the operator."""

import re
from pathlib import Path

import pytest
import yaml

from wandbsweep.api.crd import crd
from wandbsweep.sweep.checks.manifest import CEL, check_manifest, holds
from wandbsweep.sweep.texts.kubernetes import load_manifests

HERE = Path(__file__).parents[2] / "integration" / "api"  # the same rows go to a real API server there
MANIFEST = (HERE / "sound_manifest.yaml").read_text()
REFUSED = yaml.safe_load((HERE / "refused_manifests.yaml").read_text())


def checked(text=MANIFEST, config_maps=None):
    (manifest,) = load_manifests(text)
    return check_manifest(manifest, config_maps or {})


def test_a_sound_manifest_has_no_problem():
    report = checked()
    assert report.findings == []


def test_numbers_are_read_as_kubernetes_reads_them():
    assert load_manifests("[1e-5, 1.5E3, 1e5, 1.0, .5, 2024-01-01, 1.0e+30, '1e-5', -1.e2]") == [
        [1e-5, 1500, 100000, 1, 0.5, "2024-01-01", 1e30, "1e-5", -100]
    ]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row["lint"])
def test_a_mistake_names_the_field_and_the_remedy(row):
    old, new = row["change"]
    assert old in MANIFEST
    assert [str(problem) for problem in checked(MANIFEST.replace(old, new)).errors] == [row["lint"]]


def test_a_switch_is_taken():
    assert checked(MANIFEST.replace("agentCount: 8", "suspend: true")).findings == []


def test_a_missing_template_is_explained():
    text = MANIFEST.split("  template:", maxsplit=1)[0]
    (problem,) = checked(text).errors
    assert str(problem).startswith("spec.template: is missing. The pod in which an agent runs")


def test_a_definition_in_a_config_map_at_hand_is_checked_too():
    manifest = load_manifests(MANIFEST)[0]
    del manifest["spec"]["sweep"]
    manifest["spec"]["sweepFrom"] = {"configMapKeyRef": {"name": "anymal", "key": "sweep.yaml"}}

    assert check_manifest(manifest, {}).errors == ()
    (problem,) = check_manifest(manifest, {("anymal", "sweep.yaml"): "- 1"}).errors
    assert problem.field == "ConfigMap anymal/sweep.yaml"


def test_whole_bounds_in_a_manifest_are_a_warning():
    text = MANIFEST.replace("distribution: log_uniform_values, min: 1e-5, max: 1e-3", "min: 1.0, max: 5.0")

    (warning,) = checked(text).warnings

    assert "Kubernetes stores 1.0 as 1" in warning.message


def _rules(node):
    yield from (rule["rule"] for rule in node.get("x-kubernetes-validations", []))
    for field in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
        yield from _rules(field)


def test_every_rule_of_the_crd_is_known():
    rules = {
        rule for rule in _rules(crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]) if "oldSelf" not in rule
    }
    plain = {rule for rule in rules if not re.search(r"\.matches\(", rule)}

    assert plain == set(CEL)
    assert len(rules - plain) == 6


@pytest.mark.parametrize(("text", "right"), [("a", True), ("a b", False), ("a\n", False), ("a/b", False), ("ä", True)])
def test_patterns_hold_as_in_cel(text, right):
    assert holds("self.matches('^[^/\\\\s]+$')", text) is right
