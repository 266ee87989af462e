"""The README word by word, as far as that needs no cluster; tests/e2e/lifecycle does the rest as a user."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from readme_commands import README, kubectl_commands
from wandbsweep.cli.main import main

ROOT = Path(__file__).parents[3]
TEXT = README.read_text()
(MANIFEST,) = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
INSTALL = (ROOT / "docs/install.md").read_text()
# What a namespaced user touches: the API groups of Kubernetes' own `edit`, and ours.
VERBS = {"get", "describe", "create", "apply", "wait", "scale", "patch"}


def commands_of(program: str, text: str) -> list[str]:
    """Each command line of this program in the code of a page, up to a pipe or a comment."""
    joined = text.replace("\\\n", " ")
    found = re.findall(rf"^    ({program} [^|#\n]+)", joined, flags=re.MULTILINE)
    return [re.sub(r"\s+", " ", command).strip() for command in found]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a reader stands who has the README's definition as a sweep.yaml of W&B."""
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(yaml.safe_load(MANIFEST)["spec"]["sweep"], sort_keys=False))
    return tmp_path


@pytest.mark.parametrize("command", commands_of("wandbsweep", TEXT))
def test_each_command_on_a_definition_does_what_is_said(folder, command):
    done = CliRunner().invoke(main, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("command", commands_of("wandbsweep", INSTALL))
def test_so_does_each_command_of_the_page_about_installing(folder, command):
    done = CliRunner().invoke(main, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output


def test_what_convert_makes_of_the_definition_is_the_object_that_is_shown(folder):
    (command,) = [each for each in commands_of("wandbsweep", TEXT) if " convert " in each]
    made = yaml.safe_load(CliRunner().invoke(main, shlex.split(command)[1:]).stdout)
    shown = yaml.safe_load(MANIFEST)
    assert made["spec"]["sweep"]["parameters"] == shown["spec"]["sweep"]["parameters"]
    assert made["spec"]["sweep"]["command"] == shown["spec"]["sweep"]["command"]
    for field in ("agentCount", "maxRuns"):
        assert made["spec"][field] == shown["spec"][field]
    (container,) = made["spec"]["template"]["spec"]["containers"]
    assert container["image"] == shown["spec"]["template"]["spec"]["containers"][0]["image"]


def test_lint_finds_a_mistake_and_names_field_and_remedy(folder):
    definition = yaml.safe_load((folder / "sweep.yaml").read_text())
    definition["parameters"]["agent.algorithm.gamma"] = {"distribution": "log_uniform_values", "min": 0.0, "max": 0.9}
    (folder / "sweep.yaml").write_text(yaml.safe_dump(definition))
    done = CliRunner().invoke(main, ["lint", "sweep.yaml"])
    assert done.exit_code == 1
    assert "agent.algorithm.gamma" in done.output


@pytest.mark.parametrize("page", [TEXT, INSTALL], ids=["README.md", "docs/install.md"])
def test_every_value_that_helm_is_given_exists(page):
    values = yaml.safe_load((ROOT / "charts/wandbsweep/values.yaml").read_text())
    given = [path for command in commands_of("helm", page) for path in re.findall(r"--set ([\w.]+)=", command)]
    assert given
    for path in given:
        inner = values
        for part in path.split("."):
            assert part in inner, path
            inner = inner[part]


def test_kubectl_is_asked_for_nothing_that_an_editor_may_not_do():
    verbs = {next(word for word in command if word in VERBS or word == "delete") for command in kubectl_commands()}
    assert verbs <= VERBS
    names = {"robots", "anymal", "anymal-terrain", "cartpole", "wandb-api-key"}
    kinds = {"wandbsweeps", "wandbsweep", "secret", "configmap"}
    for command in kubectl_commands():
        assert {"cluster", "namespace", "node", "crd"} & set(command) == set()
        assert any(word.partition("/")[0] in kinds | names or word == "-f" for word in command)
