"""`wandbsweep lint` says what is wrong, where, and what to do; its exit status is for CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from wandbsweep.cli.main import main

SWEEP = "method: random\nprogram: train.py\nparameters:\n  lr: {values: [0.1]}\n"
MANIFEST = """\
apiVersion: wandbsweep.dev/v1alpha1
kind: WandbSweep
metadata: {name: anymal}
spec:
  project: locomotion
  sweepFrom: {configMapKeyRef: {name: anymal, key: sweep.yaml}}
  template: {spec: {containers: [{name: train, image: trainer}]}}
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: anymal}
data:
  sweep.yaml: |
    method: grod
    program: train.py
    parameters: {lr: {values: [1]}}
"""
SYSTEMS = Path(__file__).parents[2] / "systems"
EXAMPLES = Path(__file__).parents[3] / "examples"
SOUND = [
    "interactive-navigation/sweep.yaml",
    "agile/sweep.yaml",
    "gymnasium-solver/quick_ppo_grid.yaml",
    "metta/quick.yaml",
]


@pytest.fixture
def lint(tmp_path, monkeypatch):
    """Run it on texts, which become sweep.yaml, 1.yaml, 2.yaml and so on, or with these arguments."""
    monkeypatch.chdir(tmp_path)

    def run(*texts, args=None, stdin=None):
        names = ["sweep.yaml", *(f"{index}.yaml" for index in range(1, len(texts)))]
        for name, text in zip(names, texts, strict=False):
            (tmp_path / name).write_text(text)
        given = names[: len(texts)] if args is None else args
        result = CliRunner().invoke(main, ["lint", *given], input=stdin)
        return result.exit_code, result.stdout

    return run


def test_a_sound_definition_is_ok(lint):
    assert lint(SWEEP) == (0, "sweep.yaml: ok\n")


def test_a_mistake_fails(lint):
    assert lint(SWEEP.replace("random", "rondom")) == (
        1,
        "sweep.yaml:1:1: error: method: 'rondom' is no search method; did you mean 'random'? [invalid-value]\n",
    )


def test_a_warning_does_not_fail(lint):
    status, output = lint(SWEEP.replace("0.1", "1e-5"))
    assert status == 0
    assert output.startswith("sweep.yaml:4:17: warning: parameters.lr.values[0]: '1e-5' is text to YAML 1.1")
    assert output.endswith("for a number write 1.0e-5 [number-as-text]\n")


def test_standard_input_is_read_for_a_dash(lint):
    assert lint(args=["-"], stdin="") == (
        1,
        "standard input: error: is empty; write at least method, parameters and program [empty]\n",
    )


def test_each_file_has_its_verdict(lint):
    status, output = lint(SWEEP, SWEEP.replace("random", "rondom"), SWEEP, args=["sweep.yaml", "1.yaml", "2.yaml"])
    assert [line.split(" ")[0] for line in output.splitlines()] == ["sweep.yaml:", "1.yaml:1:1:", "2.yaml:"]
    assert status == 1


@pytest.mark.parametrize(
    ("texts", "where"),
    [
        ((f"{MANIFEST}---\n{CONFIG_MAP}",), "sweep.yaml:14:5"),
        ((MANIFEST, CONFIG_MAP), "1.yaml:6:5"),
        ((CONFIG_MAP, MANIFEST), "sweep.yaml:6:5"),
    ],
)
def test_a_manifest_is_checked_together_with_its_config_map(texts, where, lint):
    status, output = lint(*texts)
    lines = [line for line in output.splitlines() if not line.endswith(": ok")]
    told = "error: ConfigMap anymal/sweep.yaml: method: 'grod' is no search method; did you mean 'grid'?"
    assert (status, lines) == (1, [f"{where}: {told} [invalid-value]"])


def test_a_definition_may_be_json(lint):
    text = json.dumps({"method": "random", "program": "a", "parameters": {"lr": {"min": 1e-05, "max": 1e-3}}}, indent=4)
    assert "1e-05" in text
    assert lint(text) == (0, "sweep.yaml: ok\n")


def test_text_that_is_no_yaml_is_a_problem_and_no_traceback(lint):
    status, output = lint("a: [")
    assert status == 1
    assert output.startswith("sweep.yaml:1:5: error: is not valid YAML: line 1")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_a_problem(content, lint, tmp_path):
    if content:
        (tmp_path / "other.yaml").write_bytes(content)
    status, output = lint(SWEEP, args=["sweep.yaml", "other.yaml"])
    reason = "is no text in UTF-8" if content else "cannot be read: No such file or directory"
    assert (status, output) == (1, f"sweep.yaml: ok\nother.yaml: error: {reason} [unreadable]\n")


def test_names_cannot_forge_lines(lint):
    _, output = lint('method: grid\nprogram: a\nparameters: {"a\\nsweep.yaml: ok\\e[2J": {values: [1]}}\n')
    (line,) = output.splitlines()
    assert "parameters[a\\nsweep.yaml: ok\\x1b[2J]" in line


@pytest.mark.parametrize("args", [[], ["--format", "xml", "sweep.yaml"], ["--wrong", "sweep.yaml"]])
def test_a_wrong_command_line_is_another_failure(args, lint):
    assert lint(SWEEP, args=args)[0] == 2


def test_other_objects_in_a_file_are_passed_over(lint):
    assert lint("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n") == (0, "sweep.yaml: ok\n")


def test_json_is_one_list_over_all_files(lint):
    bad = SWEEP.replace("random", "rondom").replace("0.1", "1e-5")
    status, output = lint(SWEEP, bad, args=["--format", "json", "sweep.yaml", "1.yaml", "none.yaml"])

    first, second, third = json.loads(output)
    assert status == 1
    assert first == {
        "file": "1.yaml",
        "rule": "invalid-value",
        "severity": "error",
        "field": "method",
        "line": 1,
        "column": 1,
        "message": "'rondom' is no search method",
        "remedy": "did you mean 'random'?",
    }
    assert (second["rule"], second["severity"], second["line"]) == ("number-as-text", "warning", 4)
    assert (third["file"], third["rule"], third["line"], third["column"]) == ("none.yaml", "unreadable", None, None)


def test_json_is_an_empty_list_where_there_is_nothing_to_say(lint):
    status, output = lint(SWEEP, args=["--format=json", "sweep.yaml"])
    assert (status, json.loads(output)) == (0, [])


def test_github_gets_an_annotation_for_each_finding(lint):
    text = SWEEP.replace("random", "rondom").replace("0.1", "1e-5")
    status, output = lint(text, args=["--format", "github", "sweep.yaml"])
    assert status == 1
    error, warning = output.splitlines()
    assert error == (
        "::error file=sweep.yaml,line=1,col=1,title=invalid-value::"
        "method: 'rondom' is no search method; did you mean 'random'?"
    )
    assert warning.startswith("::warning file=sweep.yaml,line=4,col=17,title=number-as-text::parameters.lr.values[0]: ")


def test_github_gets_every_sign_escaped(lint, tmp_path):
    (tmp_path / "a,b:50%.yaml").write_text(SWEEP.replace("random", "'100%::'"))
    _, output = lint(args=["--format", "github", "a,b:50%.yaml"])
    assert output.startswith("::error file=a%2Cb%3A50%25.yaml,line=1,col=1,title=invalid-value::method: '100%25::' is")


def test_github_hears_nothing_where_there_is_nothing_to_say(lint):
    assert lint(SWEEP, args=["--format", "github", "sweep.yaml"]) == (0, "")


@pytest.mark.parametrize("path", SOUND)
def test_the_sound_examples_of_the_systems_raise_nothing(path, lint):
    file = str(SYSTEMS / path)
    assert lint(args=[file]) == (0, f"{file}: ok\n")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/sweep.yaml")), ids=lambda path: path.parent.name)
def test_our_own_examples_raise_nothing(path, lint):
    assert lint(args=[str(path)]) == (0, f"{path}: ok\n")


README = """\
name: sweep-name                    # Sweep identifier
project: ProjectName                # W&B project (can be overridden)
method: grid|random|bayes          # Optimization method

metric:
  name: train/roll/ep_rew/mean     # Metric to optimize
  goal: maximize|minimize           # Optimization direction

parameters:
  param_name:
    values: [1, 2, 3]              # Grid/random: discrete values
    # OR
    min: 0.0001                     # Random/Bayes: continuous range
    max: 0.01
    distribution: log_uniform       # Optional: sampling distribution

program: train.py                   # Script to run
command:                            # Command template
  - ${env}
  - ${interpreter}
  - ${program}
  - --config_id
  - "CartPole-v1:ppo"
  - --wandb_sweep
"""


def test_the_wrong_examples_of_the_systems_are_told_how_they_are_wrong(lint):
    status, output = lint(README, args=["--format", "json", "sweep.yaml"])
    assert status == 1
    assert [(row["line"], row["field"], row["message"], row["remedy"]) for row in json.loads(output)] == [
        (
            3,
            "method",
            "'grid|random|bayes' is no search method",
            "use grid, random, bayes, protein, scan or stages",
        ),
        (7, "metric.goal", "must be minimize or maximize, not 'maximize|minimize'", ""),
        (
            10,
            "parameters.param_name",
            "log_uniform takes exponents of e, so this draws from 1.0001 to 1.0101",
            "use log_uniform_values for plain bounds",
        ),
        (
            11,
            "parameters.param_name.values",
            "distribution log_uniform has no such setting",
            "give either values, or min and max",
        ),
    ]


@pytest.mark.parametrize("path", ["random_search.yaml", "bayesian_optimization.yaml"])
def test_values_given_to_log_uniform_are_told(path, lint):
    _, output = lint(args=[str(SYSTEMS / "gymnasium-solver" / path)])
    assert "learning_rate: log_uniform takes exponents of e, so this draws from 1" in output
    assert "use log_uniform_values for plain bounds [log-uniform-exponents]" in output
