"""A finding is told of the file, the line and the column where the user can mend it."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.checks.files import File, lint
from wandbsweep.sweep.texts.nodes import spot_of

SWEEP = """\
# The first line is a comment.
method: rendom
parameters:
  agent.lr:
    min: 3e-5
    max: 0.1
  wd: {values: []}
program: train.py
"""
TOP = "apiVersion: wandbsweep.dev/v1alpha1\nkind: WandbSweep\n"
TEMPLATE = "  template: {spec: {containers: [{name: train, image: trainer}]}}\n"
MANIFEST = f"""\
{TOP}metadata: {{name: anymal}}
spec:
  project: locomotion
  sweep:
    method: rendom
    program: train.py
    parameters:
      lr: {{values: [0.1]}}
{TEMPLATE}"""
FROM = f"""\
{TOP}metadata: {{name: anymal}}
spec:
  project: locomotion
  sweepFrom: {{configMapKeyRef: {{name: anymal, key: sweep.yaml}}}}
{TEMPLATE}"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: anymal}
data:
  other: text
  sweep.yaml: |  # a comment
    # The first line is a comment.

    method: rendom
    program: train.py
    parameters:
      lr: {values: [0.1]}
"""


def told(*texts):
    files = [File(f"{index}.yaml", text) for index, text in enumerate(texts)]
    return [(each.file, each.finding.position, each.finding.field) for each in lint(files)]


def test_in_a_definition_the_key_is_pointed_at():
    assert told(SWEEP) == [
        ("0.yaml", (2, 1), "method"),
        ("0.yaml", (5, 5), "parameters[agent.lr].min"),
        ("0.yaml", (7, 8), "parameters.wd.values"),
    ]


def test_an_item_of_a_list_is_pointed_at_itself():
    text = "method: grid\nprogram: a\nparameters:\n  lr:\n    values:\n    - 0.1\n    - 1e-5\n"
    assert told(text) == [("0.yaml", (7, 7), "parameters.lr.values[1]")]


def test_for_a_key_that_is_missing_the_nearest_one_above_is_pointed_at():
    text = "program: a\nmetric: {name: loss}\nmethod: bayes\nparameters:\n  lr: {min: 0.1}\n"
    assert told(text) == [("0.yaml", (5, 3), "parameters.lr.max")]


def test_a_definition_that_lacks_everything_is_pointed_at_where_it_begins():
    assert told("\n\n# Nothing\nprogram: a\n")[0] == ("0.yaml", (4, 1), "method")


def test_a_merged_key_is_pointed_at_where_it_is_written():
    text = "method: random\nprogram: a\nparameters:\n  a: &base {min: 2, max: 1, q: 1, distribution: q_uniform}\n"
    text += "  b: {<<: *base, min: 0, q: 0}\n  c: {<<: [*base], max: 3, q: 0}\n"
    assert told(text) == [
        ("0.yaml", (4, 3), "parameters.a"),
        ("0.yaml", (5, 26), "parameters.b.q"),
        ("0.yaml", (6, 28), "parameters.c.q"),
    ]


def test_text_that_is_no_yaml_is_pointed_at_where_reading_stopped():
    assert told("method: grid\nparameters: {a: [}\n") == [("0.yaml", (2, 18), "")]


def test_of_equal_keys_the_second_is_pointed_at():
    text = "method: grid\nprogram: a\nparameters:\n  lr: {values: [1]}\nmethod: random\n"
    assert told(text) == [("0.yaml", (5, 1), "method")]


def test_a_definition_may_be_json_even_with_tabs():
    text = '{\n\t"method": "rendom",\n\t"program": "a",\n\t"parameters": {"lr": {"min": 1e-5, "max": 1E-3}}\n}\n'
    assert told(text) == [("0.yaml", (2, 2), "method")]


def test_in_a_manifest_the_key_is_pointed_at():
    assert told(MANIFEST) == [("0.yaml", (7, 5), "spec.sweep.method")]


@pytest.mark.parametrize(
    ("change", "line", "column", "field"),
    [
        (("project: locomotion", "projekt: locomotion"), 5, 3, "spec.projekt"),
        (("  project: locomotion\n", ""), 4, 1, "spec.project"),
        (("rendom", "random"), 4, 1, "spec.maxRuns"),
        (("{name: anymal}", "{}"), 3, 1, "metadata.name"),
        (("v1alpha1", "v1"), 1, 1, "apiVersion"),
        (("image: trainer", "tty: true"), 11, 34, "spec.template.spec.containers[0].image"),
        (("values: [0.1]", "y: 1"), 10, 12, "spec.sweep.parameters.lr.y"),
        (("  project: locomotion\n", "  project: a\n  project: b\n"), 6, 3, "spec.project"),
    ],
)
def test_in_a_manifest_line_and_column_are_those_of_the_file(change, line, column, field):
    text = MANIFEST.replace("rendom", "random") if "rendom" not in change[0] else MANIFEST
    assert ("0.yaml", (line, column), field) in told(text.replace(*change))


def test_documents_and_items_of_lists_are_found():
    items = "".join(f"- {line}" if line == "apiVersion: wandbsweep.dev/v1alpha1\n" else f"  {line}"
                    for line in MANIFEST.splitlines(keepends=True))  # fmt: skip
    text = f"{MANIFEST}---\napiVersion: v1\nkind: List\nitems:\n{items}---\n{MANIFEST}"

    assert told(text) == [
        ("0.yaml", (7, 5), "spec.sweep.method"),
        ("0.yaml", (22, 7), "spec.sweep.method"),
        ("0.yaml", (34, 5), "spec.sweep.method"),
    ]


def test_a_definition_in_a_config_map_is_pointed_at_in_the_file_around_it():
    expected = "ConfigMap anymal/sweep.yaml: method"

    assert told(f"{FROM}---\n{CONFIG_MAP}") == [("0.yaml", (17, 5), expected)]
    assert told(FROM, CONFIG_MAP) == [("1.yaml", (9, 5), expected)]
    assert told(CONFIG_MAP, FROM) == [("0.yaml", (9, 5), expected)]


@pytest.mark.parametrize(
    ("scalar", "at"),
    [
        ("|2\n    method: rendom\n    program: a", (6, 5)),
        (">\n    {method: rendom,\n    program: a}", (5, 15)),
        ("'{method: rendom, program: a}'", (5, 15)),
        ("|\n    method: rendom\n    method: grid", (7, 5)),
        ("|\n    method: [\n", (7, 5)),
    ],
)
def test_a_text_in_a_config_map_may_have_any_form(scalar, at):
    config_map = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: anymal}}\ndata:\n  sweep.yaml: {scalar}\n"
    assert ("1.yaml", at) in [each[:2] for each in told(FROM, config_map)]


def test_a_base_configuration_in_a_config_map_is_looked_at_for_a_bare_definition_too():
    definition = """\
method: grid
command: [train, --config, "${config_json_file}"]
base_config: {configMapKeyRef: {name: base, key: base.json}}
parameters: {algo.lr: {values: [1]}}
"""
    base = CONFIG_MAP.replace("anymal", "base").replace("sweep.yaml: |", "base.json: |").replace("rendom", "[")
    assert told(definition, base) == [("1.yaml", (11, 15), "ConfigMap base/base.json")]


def test_a_config_map_of_another_namespace_is_another_one():
    apart = CONFIG_MAP.replace("{name: anymal}", "{name: anymal, namespace: other}")
    assert told(FROM.replace("{name: anymal}", "{name: anymal, namespace: here}"), apart) == []
    assert len(told(FROM, apart)) == 1


def test_a_config_map_at_hand_must_have_the_key():
    (found,) = lint([File("a.yaml", FROM.replace("key: sweep.yaml", "key: sweep.yml")), File("b.yaml", CONFIG_MAP)])
    assert str(found.finding) == (
        "spec.sweepFrom.configMapKeyRef.key: ConfigMap anymal has no key 'sweep.yml'; did you mean 'sweep.yaml'?"
    )


def test_a_mistake_in_a_config_map_that_two_objects_use_is_told_once():
    assert len(told(FROM, FROM.replace("anymal}\nspec", "other}\nspec"), CONFIG_MAP)) == 1


def test_a_manifest_without_a_version_is_still_a_manifest():
    assert told(MANIFEST.replace("apiVersion: wandbsweep.dev/v1alpha1\n", ""))[0][2] == "apiVersion"


def test_a_definition_may_speak_of_kubernetes():
    assert told(f"# For a WandbSweep\napiVersion: 1.0.0\n{SWEEP}")[0] == ("0.yaml", (4, 1), "method")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize("bomb", [BOMB, "a: &a {b: *a}\n", "a: " + "[" * 200 + "]" * 200, "a: " + "[" * 500])
def test_a_text_that_would_explode_is_refused(bomb):
    for text in (bomb, f"{TOP}metadata: {{name: a}}\n{bomb}", f"{TOP}metadata: {{name: a}}\n---\n{bomb}"):
        rules = {each.finding.rule.value for each in lint([File("a.yaml", text)])}
        assert "unreadable" in rules
        assert rules <= {"unreadable", "missing-key"}


keys = st.text("abc", min_size=1, max_size=4)
documents = st.dictionaries(
    keys,
    st.recursive(
        st.one_of(st.text("ab\n :", max_size=4), st.integers(), st.none()),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=12,
    ),
    min_size=1,
    max_size=3,
)


def _paths(value, above=()):
    yield above
    for key, item in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from _paths(item, (*above, key))


@given(documents, st.sampled_from(["block", "flow", "json"]))
def test_every_key_is_found_where_it_stands(document, form):
    text = json.dumps(document, indent=1) if form == "json" else yaml.dump(document, default_flow_style=form == "flow")
    lines = text.split("\n")
    root = yaml.compose(text)

    for path in _paths(document):
        spot = spot_of(root, path)
        assert spot.found
        if path and isinstance(path[-1], str):
            told = lines[spot.position.line - 1][spot.position.column - 1 :]
            assert told.startswith((f"{path[-1]}:", f'"{path[-1]}":'))
        assert not spot_of(root, (*path, "missing")).found
        assert spot_of(root, (*path, "missing")).position == spot.position


anything = st.sampled_from(
    [
        None,
        True,
        3,
        1.5,
        "",
        "x",
        "1e-5",
        "${args}",
        "a\0b",
        [],
        {},
        [{}],
        {"a": 1},
        "ConfigMap",
        "scan",
        "protein",
        float("inf"),
    ]
)


@given(st.sampled_from([MANIFEST, f"{FROM}---\n{CONFIG_MAP}", SWEEP]), st.data())
def test_nothing_that_somebody_writes_is_a_traceback(text, data):
    documents = list(yaml.safe_load_all(text))
    document = data.draw(st.sampled_from(documents))
    *above, last = data.draw(st.sampled_from([path for path in _paths(document) if path]))
    for key in above:
        document = document[key]
    document[last] = data.draw(anything)

    changed = yaml.safe_dump_all(documents)

    lines = changed.count("\n") + 1
    assert all(each.finding.position and each.finding.position.line <= lines for each in lint([File("a", changed)]))
