"""The settings and the page that documents them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from wandbsweep.cli.server import server
from wandbsweep.server.settings import ServerSettings, SettingsError, knobs

PAGE = (Path(__file__).parents[3] / "docs" / "server.md").read_text()


@pytest.mark.parametrize("knob", knobs(), ids=lambda knob: knob.name)
def test_each_setting_is_documented_as_it_is(knob):
    default = "-" if knob.default == "" else knob.default
    unit = f" {knob.unit}" if knob.unit else ""
    assert f"| `{knob.flag}` | `{knob.variable}` | `{default}`{unit} | {knob.help} |" in PAGE


def test_nothing_is_documented_that_does_not_exist():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `--")]
    assert len(rows) == len(knobs())


def test_help_names_every_flag_and_variable():
    text = CliRunner().invoke(server, ["--help"], terminal_width=200).output
    for knob in knobs():
        assert knob.flag in text
        assert knob.variable in text


def test_files_and_database_lie_in_the_data_folder_unless_told_otherwise(tmp_path):
    settings = ServerSettings(data_dir=str(tmp_path))
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/wandbsweep.db"
    assert settings.files_path == tmp_path / "files"
    assert ServerSettings(files_dir="/f", database_url="sqlite:///d").files_path == Path("/f")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"port": -1}, "--port .* from 0 to 65535"),
        ({"run_timeout": 0}, "--run-timeout .* more than 0"),
        ({"stop_grace": -1}, "--stop-grace .* 0 or more"),
        ({"entity": "a b"}, "--entity .* letters"),
        ({"public_url": "host:80"}, "--public-url .* http://"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_range(values, message):
    with pytest.raises(SettingsError, match=message):
        ServerSettings(**values)
