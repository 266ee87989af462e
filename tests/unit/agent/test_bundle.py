"""One file runs the runtime in any image, and the same sources make the same file."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from wandbsweep.agent.bundle import bundle
from wandbsweep.agent.install import install


def test_the_same_sources_make_the_same_bytes(tmp_path, monkeypatch):
    first = bundle()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert bundle() == first


def test_the_bundle_installs_itself_unchanged(runtime, tmp_path):
    subprocess.run([sys.executable, "-I", runtime / "wandbsweep.pyz", "install", tmp_path], check=True)
    for path in runtime.rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(runtime)).read_bytes() == path.read_bytes()


def test_it_imports_nothing_but_the_standard_library_and_itself():
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        for name in names:
            for module in _imported(archive.read(name).decode()):
                top = module.partition(".")[0]
                assert (
                    top in sys.stdlib_module_names
                    or f"{module.replace('.', '/')}.py" in names
                    or (f"{module.replace('.', '/')}/__init__.py" in names)
                ), f"{name} imports {module}"


def _imported(source: str) -> set[str]:
    tree = ast.parse(source)
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_everybody_may_read_and_run_what_was_installed(tmp_path):
    before = os.umask(0o077)
    try:
        install(tmp_path / "w")
    finally:
        os.umask(before)
    assert (tmp_path / "w" / "wandbsweep.pyz").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "w" / "bin").stat().st_mode & 0o777 == 0o755
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "w" / "bin").iterdir()} == {
        "wandbsweep": 0o755,
        "wandbsweep-agent": 0o755,
    }


def test_a_folder_that_cannot_be_written_is_named_without_a_traceback():
    done = subprocess.run(
        [sys.executable, "-m", "wandbsweep.agent", "install", "/proc/nowhere"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "operator"), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 1
    assert "/proc/nowhere cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["agents"], ["agent", "--fast"], ["install"]])
def test_a_command_line_that_cannot_be_read_shows_the_usage(runtime, words):
    done = subprocess.run([runtime / "bin" / "wandbsweep", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wandbsweep trial ARGS_JSON -- COMMAND..." in done.stderr
