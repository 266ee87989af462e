"""The configuration classes of Isaac Lab, read from its published package without running anything of it."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "isaaclab.lock"
PACKAGES = ("isaaclab", "isaaclab_rl", "isaaclab_tasks")
FOR_ISAAC_SIM = ("--python-version=3.11", "--implementation=cp", "--abi=none", "--platform=manylinux_2_35_x86_64")


def fetched() -> Path:
    """The unpacked package, from the user's cache where it was fetched before."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "wandbsweep" / "isaaclab" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        with zipfile.ZipFile(_download(partial)) as archive:
            archive.extractall(partial / "package")
        if not folder.exists():  # else another test was quicker
            (partial / "package").rename(folder)
    finally:
        shutil.rmtree(partial)
    return folder


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--require-hashes", "--only-binary=:all:", *FOR_ISAAC_SIM, "--dest", str(folder), "-r", str(LOCK)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(
            f"pip could not fetch what {LOCK.relative_to(ROOT)} names: check that it reaches its package index from "
            f"this machine, then run the tests again.\n{done.stderr}"
        )
    (wheel,) = folder.glob("*.whl")
    return wheel


class IsaacLab:
    """The package as a tree of names."""

    def __init__(self) -> None:
        self.source = fetched() / "isaaclab" / "source"
        loader = griffe.GriffeLoader(search_paths=[self.source / name for name in PACKAGES], allow_inspection=False)
        for name in PACKAGES:
            loader.load(name)
        loader.resolve_aliases(implicit=True, external=False)
        self._modules = loader.modules_collection

    def task(self, name: str) -> dict[str, str]:
        """The configuration classes of a registered task: `env` and `agent` by their full names."""
        for file in (self.source / "isaaclab_tasks").rglob("__init__.py"):
            text = file.read_text(encoding="utf-8")
            if f'"{name}"' in text:
                module = ".".join(file.parent.relative_to(self.source / "isaaclab_tasks").parts)
                return _registered(ast.parse(text), name, module)
        raise AssertionError(f"Isaac Lab registers no task {name}")

    def complaint(self, root: str, path: str) -> str | None:
        """Why a class has no such setting; None if it has."""
        owner: Any = self._class(root)
        for part in path.split("."):
            if owner is None:
                return f"{part} of {path}: what holds it is no class of Isaac Lab"
            if part not in owner.all_members:
                return f"{owner.name} has no {part}"
            owner = self._held(owner.all_members[part])
        return None

    def _class(self, name: str) -> Any:
        found: Any = self._modules[name]
        return found.final_target if found.is_alias else found

    def _held(self, member: Any) -> Any:
        """The class whose object a field holds."""
        member = member.final_target if member.is_alias else member
        if member.is_class:
            return member
        for expression in (member.value, member.annotation):
            called = expression.function if isinstance(expression, griffe.ExprCall) else expression
            if isinstance(called, griffe.Expr):
                try:
                    found = self._class(called.canonical_path)
                except KeyError:
                    continue
                if found.is_class:
                    return found
        return None


def _registered(tree: ast.Module, name: str, module: str) -> dict[str, str]:
    """From `gym.register(id=..., kwargs={...})`, whose paths are f-strings of __name__ and agents.__name__."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in calls:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        known = given.get("id")
        if not (isinstance(known, ast.Constant) and known.value == name):
            continue
        places = {"__name__": module, "agents.__name__": f"{module}.agents"}
        entries = given["kwargs"]
        assert isinstance(entries, ast.Dict)
        pairs = zip(entries.keys, entries.values, strict=True)
        paths = {_text(key, places): _text(value, places) for key, value in pairs}
        classes = {"env": paths["env_cfg_entry_point"], "agent": paths["rsl_rl_cfg_entry_point"]}
        return {kind: path.replace(":", ".") for kind, path in classes.items()}
    raise AssertionError(f"{module} does not register {name} by gym.register")


def _text(node: ast.AST | None, places: dict[str, str]) -> str:
    """A text as it is written there: plain, or with names of modules filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, places) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return places[ast.unparse(node.value)]
    raise AssertionError(f"cannot read {node}")
