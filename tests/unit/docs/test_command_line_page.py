"""docs/cli.md says what the command line does: its examples are run, and its options are those that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from wandbsweep.cli.main import main

PAGE = Path(__file__).parents[3] / "docs/cli.md"
FILES = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
EXAMPLES = re.findall(r"```console\n\$ wandbsweep (.*?)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
DESCRIBED = ("convert", "preview", "render", "config")


@pytest.mark.parametrize(("words", "output"), EXAMPLES, ids=[words for words, _ in EXAMPLES])
def test_every_example_prints_what_the_page_shows(words, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    for name, text in FILES:
        (tmp_path / name).write_text(text)

    done = CliRunner().invoke(main, shlex.split(words))

    assert done.output == output


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_option_has_a_row_in_its_commands_section(name):
    command = main.get_command(click.Context(main), name)
    section = re.search(rf"\n## {name}\n(.*?)(\n## |$)", PAGE.read_text(), flags=re.DOTALL)[1]
    rows = re.findall(r"^\| `(.*?)` \|", section, flags=re.MULTILINE)
    told = {flag for row in rows for flag in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", row)}

    exist = {flag for option in command.params if isinstance(option, click.Option) for flag in option.opts}

    assert told == exist


def test_every_command_is_in_the_table():
    table = PAGE.read_text().partition("All of them")[0]

    assert [name for name in main.list_commands(click.Context(main)) if f"`{name}`" not in table] == []
