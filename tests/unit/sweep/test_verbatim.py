"""A definition goes under spec.sweep in its user's own words, and means there what it meant before."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.problems import InvalidSweepError
from wandbsweep.sweep.texts.kubernetes import as_json_stores_it, load_manifests
from wandbsweep.sweep.texts.verbatim import own_words
from wandbsweep.sweep.texts.writing import yaml_text


def words(text):
    return own_words(text, field="sweep.yaml")


def test_comments_order_and_spelling_of_numbers_stay():
    text = "# why\nmethod: random  # for now\nparameters:\n  lr: {values: [1e-4, 3.0E-3]}\nprogram: train.py\n"

    assert words(text).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\nmethod: grid\n...\n", "method: grid\n"),
        ("%YAML 1.1\n---\n# a\nmethod: grid\n# b", "# a\nmethod: grid\n# b\n"),
        ("method: grid\r\nrun_cap: 1\r\n", "method: grid\nrun_cap: 1\n"),
        ("  method: grid\n  run_cap: 1\n", "method: grid\nrun_cap: 1\n"),
        ("sweep:\n  # a\n  method: grid\n  run_cap: 1\n", "method: grid\nrun_cap: 1\n"),
    ],
    ids=["document marks", "directive", "Windows", "indented", "Metta's wrapper"],
)
def test_what_surrounds_a_definition_goes(text, expected):
    found = words(text).text

    assert found is not None
    assert found.replace("# a\n", "") == expected.replace("# a\n", "")


@pytest.mark.parametrize(
    ("bounds", "named"),
    [
        ("min: 0, max: 1.0", "uniform"),
        ("min: 1e1, max: 100", "uniform"),
        ("min: 1, max: 8", "int_uniform"),
        ("min: 0, max: 0.5", None),
        ("distribution: q_uniform, min: 0, max: 1.0", "q_uniform"),
    ],
)
def test_a_range_says_of_which_kind_it_is_where_kubernetes_would_lose_it(bounds, named):
    flow = words(f"method: random\nparameters: {{a: {{{bounds}}}, b: {{value: 1}}}}\n")
    block = words("method: random\nparameters:\n  a:\n    # why\n    " + bounds.replace(", ", "\n    "))

    for each in (flow, block):
        assert each.data["parameters"]["a"].get("distribution") == named
        assert yaml.safe_load(each.text)["parameters"]["a"].get("distribution") == named
    assert "# why\n" in block.text


def test_ranges_inside_nested_parameters_are_told_too():
    found = words("method: random\nparameters:\n  lr:\n    parameters:\n      end: {min: 0, max: 1}\n").text

    assert "      end: {distribution: int_uniform, min: 0, max: 1}\n" in found


def test_a_base_configuration_with_whole_floats_becomes_text_and_others_stay():
    text = "method: scan\nbase_config: {{algo: {{l2: {}, name: bc}}}}\n"

    exact = words(text.format("0.0"))
    plain = words(text.format("0.5"))

    assert json.loads(exact.data["base_config"]) == {"algo": {"l2": 0.0, "name": "bc"}}
    assert isinstance(json.loads(exact.data["base_config"])["algo"]["l2"], float)
    assert plain.data["base_config"] == {"algo": {"l2": 0.5, "name": "bc"}}


def test_values_of_a_scan_that_kubernetes_would_change_become_text_and_mean_the_same_trials():
    text = (
        "method: scan\ncommand: [python, train.py, '${args}']\nparameters:\n"
        "  lr: {values: [1.0, 0.5]}\n  n: {values: [1, 2]}\n  l2: {value: 2.0}\n"
    )
    stored = as_json_stores_it(dict(words(text).data))

    before, after = (read_definition(each, field="sweep").trials for each in (text, yaml_text(stored)))

    assert [cell.name for cell in after] == ["lr_1.0_n_1", "lr_1.0_n_2", "lr_0.5_n_1", "lr_0.5_n_2"]
    assert repr(after) == repr(before)
    assert {"key": "n", "values": [1, 2]} in stored["parameters"]


def test_words_that_kubernetes_reads_otherwise_are_quoted_where_they_stand():
    text = "method: random\nparameters:\n  n: {values: [y, 08]}  # why\n  t: {value: 1:30}\n"

    found = words(text).text

    assert found == 'method: random\nparameters:\n  "n": {values: ["y", "08"]}  # why\n  t: {value: 90}\n'
    assert load_manifests(found) == [as_json_stores_it(yaml.safe_load(text))]


def test_json_is_read_as_json_and_written_anew():
    found = words('{"method": "random",\t"parameters": {"lr": {"min": 1e-5, "max": 1}}}')

    assert found.text is None
    assert found.data["parameters"]["lr"] == {"min": 1e-5, "max": 1}


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "a: 2024-01-01\n", "method: grid\n---\nmethod: grid\n"])
def test_what_is_no_definition_is_an_error_that_names_the_file(text):
    with pytest.raises(InvalidSweepError, match=r"^sweep\.yaml"):
        words(text)


PLAIN = st.text(alphabet="ab1 :#-'\"\\{}[],&*!|>%@`~\n\té", max_size=12)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), PLAIN),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PLAIN, inner, max_size=3)),
    max_leaves=8,
)
STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([False, None]),
        "default_style": st.sampled_from([None, "'", '"', "|"]),
    }
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["method", "description", "parameters"]), VALUES, min_size=1), STYLES)
def test_under_another_key_the_words_say_what_they_said(data, styles):
    text = yaml.safe_dump(data, **styles)
    expected = as_json_stores_it(data)

    found = words(text).text

    assert found is not None or text.startswith("{")
    indented = "".join(f"    {line}" if line.strip() else line for line in (found or "{}\n").splitlines(keepends=True))
    (moved,) = load_manifests(f"spec:\n  sweep:\n{indented}  template: {{}}\n")
    assert found is None or json.dumps(moved["spec"]["sweep"]) == json.dumps(expected)
