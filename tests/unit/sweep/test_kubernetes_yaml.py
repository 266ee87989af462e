"""YAML is read as kubectl reads it; the rows were compared with kubectl 1.32."""

from __future__ import annotations

import pytest
import yaml

from wandbsweep.sweep.texts.kubernetes import findings_in_nodes, load_manifests, nodes_of_manifests

READINGS = {
    "1e-5": 1e-5, "1.5E3": 1500, "1e5": 100000, "1.0": 1, ".5": 0.5, "+.5": 0.5, "1.": 1, "1.e3": 1000, "-1.e2": -100,
    "1.0e+30": 1e30, "08": 8, "0789": 789, "08.5": 8.5, "017": 15, "0o17": 15, "0x1f": 31, "0b11": 3, "0b": "0b",
    "1_000": 1000, "-0": 0, "'1e-5'": "1e-5", "1:30": "1:30", "12:30:45.5": "12:30:45.5", "2024-01-01": "2024-01-01",
    "y": True, "Y": True, "n": False, "on": True, "yes": True, "~": None, "=": "=", "yy": "yy", "1e": "1e",
}  # fmt: skip


@pytest.mark.parametrize("text", READINGS)
def test_a_plain_word_is_read_as_kubectl_reads_it(text):
    (value,) = load_manifests(f"[{text}]")[0]
    assert (value, type(value)) == (READINGS[text], type(READINGS[text]))


def test_keys_are_text():
    assert load_manifests("{y: 1, 1.5: 2, 3: 4, a: 5}") == [{"1.5": 2, "3": 4, "a": 5, "true": 1}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{spec: {on: 1}}", "spec.on: Kubernetes reads the key on as a boolean; put it in quotes"),
        ("{~: 1}", "[~]: Kubernetes reads the key ~ as nothing; put it in quotes"),
        ("a: [.inf]", "a[0]: kubectl refuses .inf, as JSON has no such number"),
        ("a: y", "a: Kubernetes reads y as a boolean, W&B as text; put it in quotes, or write true or false"),
        ("a: 1\na: 2", "a: stands twice, first in line 1 (only the last one would count); remove one"),
    ],
)
def test_words_that_mean_something_else_are_found(text, message):
    (root,) = nodes_of_manifests(text)
    assert [str(finding) for finding in findings_in_nodes(root)] == [message]


@pytest.mark.parametrize("text", ["{a: yes, 'y': 'n', 1: 2, <<: {a: 1}}", "[true, -1, 1e5]"])
def test_other_words_are_fine(text):
    (root,) = nodes_of_manifests(text)
    assert findings_in_nodes(root) == []


@pytest.mark.parametrize("merged", [True, False])
def test_aliases_that_explode_are_refused(merged):
    again = [",".join([f"*m{number}"] * 10) for number in range(8)]
    lines = [f"m{at + 1}: &m{at + 1} " + (f"{{<<: [{row}]}}" if merged else f"[{row}]") for at, row in enumerate(again)]

    with pytest.raises(ValueError, match="is too large"):
        load_manifests("\n".join(["m0: &m0 {a: 1}", *lines]))


def test_what_is_no_yaml_is_an_error_of_yaml():
    with pytest.raises(yaml.YAMLError):
        load_manifests("a: [")
