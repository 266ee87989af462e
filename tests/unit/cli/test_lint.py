"""`wandbsweep lint` says what is wrong, where, and what to do; its exit status is for CI."""

import pytest
from click.testing import CliRunner

from wandbsweep.cli.main import main

SWEEP = "method: random\nprogram: train.py\nparameters:\n  lr: {values: [0.1]}\n"
MANIFEST = """
apiVersion: wandbsweep.dev/v1alpha1
kind: WandbSweep
metadata: {name: anymal}
spec:
  project: locomotion
  sweepFrom: {configMapKeyRef: {name: anymal, key: sweep.yaml}}
  template: {spec: {containers: [{name: train}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: anymal}
data:
  sweep.yaml: |
    method: grod
    program: train.py
    parameters: {lr: {values: [1]}}
"""


@pytest.fixture
def lint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text, *arguments):
        (tmp_path / "sweep.yaml").write_text(text)
        result = CliRunner().invoke(main, ["lint", *(arguments or ["sweep.yaml"])], input=text)
        return result.exit_code, result.output

    return run


def test_a_sound_definition_is_ok(lint):
    assert lint(SWEEP) == (0, "sweep.yaml: ok\n")


def test_a_mistake_fails(lint):
    assert lint(SWEEP.replace("random", "rondom")) == (
        1,
        "sweep.yaml: method: 'rondom' is no search method; did you mean 'random'?\n",
    )


def test_a_warning_does_not_fail(lint):
    status, output = lint(SWEEP.replace("0.1", "1e-5"))
    warning, verdict = output.splitlines()
    assert warning.startswith("sweep.yaml: parameters.lr.values[0]: '1e-5' is text")
    assert warning.endswith("write 1.0e-5 (warning)")
    assert (status, verdict) == (0, "sweep.yaml: ok")


def test_standard_input_is_read_for_a_dash(lint):
    assert lint("", "-") == (
        1,
        "standard input: is empty; write at least method, parameters and program\n",
    )


def test_a_manifest_is_checked_together_with_its_config_map(lint):
    place = "sweep.yaml: WandbSweep anymal: ConfigMap anymal/sweep.yaml: method"
    assert lint(MANIFEST) == (1, f"{place}: 'grod' is no search method; did you mean 'grid'?\n")


def test_text_that_is_no_yaml_is_a_problem_and_no_traceback(lint):
    status, output = lint("a: [")
    assert status == 1
    assert output.startswith("sweep.yaml: is not valid YAML: line 1")


def test_a_file_that_is_not_there_is_a_problem(lint):
    assert lint(SWEEP, "sweep.yaml", "other.yaml") == (
        1,
        "sweep.yaml: ok\nother.yaml: cannot be read: No such file or directory\n",
    )


def test_without_files_it_says_how_to_use_it(lint):
    status, output = lint(SWEEP, "--help")
    assert status == 0
    assert "lint [OPTIONS] FILE..." in output


def test_other_objects_in_a_file_are_passed_over(lint):
    assert lint("apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n") == (0, "sweep.yaml: ok\n")
