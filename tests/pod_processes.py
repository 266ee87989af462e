"""The first container of a pod as a process of this machine: its variables, its volumes as folders, its end."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandbsweep.controller.kube_api import core_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kube_client import Kube

    Object = dict[str, Any]

_ELEMENT = re.compile(r"metadata\.(annotations|labels)\['([^']+)'\]")
_OWN_HOST_NAME = "import os, socket\nsocket.gethostname = lambda: os.environ['HOSTNAME']\n"


@dataclass
class PodProcess:
    """The process that stands for a pod's first container."""

    process: subprocess.Popen[bytes]
    home: Path
    started_at: str
    downward: dict[Path, str] = field(default_factory=dict)  # files of the downward API, by the field that they show
    probe: tuple[str, ...] = ()  # its readiness probe's command; without one it is ready as long as it runs
    kill_at: float | None = None
    oom_killed: bool = False

    @property
    def ready(self) -> bool:
        return not self.probe or subprocess.run(self.probe, check=False, timeout=10).returncode == 0

    @property
    def last_words(self) -> str:
        return (self.home / "termination-log").read_text(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """As a container's: 128 and the number of the signal where one ended it."""
        code = self.process.poll()
        return 128 - code if code is not None and code < 0 else code

    def terminate(self, grace_seconds: float) -> None:
        """SIGTERM at the first call, SIGKILL to the whole container at one that comes after the grace period."""
        now = time.monotonic()
        if self.kill_at is None:
            self.kill_at = now + grace_seconds
            self.process.terminate()
        elif now > self.kill_at:
            self.kill()

    def kill(self) -> None:
        """All processes of the container, as the kernel does with a control group."""
        for pid in _with_home(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def show(self, pod: Object) -> None:
        """What the downward API shows of the pod, rewritten when that changes."""
        for path, shown in self.downward.items():
            text = field_of(pod, shown)
            if not path.exists() or path.read_text() != text:
                path.with_suffix(".new").write_text(text)
                path.with_suffix(".new").replace(path)


@dataclass(frozen=True)
class Machine:
    """What the pods of a node have in common. Claims outlive pods."""

    kube: Kube
    runtime: Path
    folder: Path
    environment: Mapping[str, str]

    def start(self, pod: Object, now: str) -> PodProcess:
        """Start what this pod is for: an agent, or a search."""
        metadata, container = pod["metadata"], pod["spec"]["containers"][0]
        home = self.folder / metadata["name"]
        home.mkdir(parents=True)
        (home / "termination-log").touch()
        mounts, downward = self._mounts(pod, container, home)
        environment = {**self._variables(pod, container, mounts), **self._own(pod, home), **self.environment}
        command = _words(container["command"], mounts)
        with (home / "container.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=home, stdout=log, stderr=log, start_new_session=True
            )
        probe = container.get("readinessProbe", {}).get("exec", {}).get("command", [])
        started = PodProcess(process, home, now, downward, _words(probe, mounts))
        started.show(pod)
        return started

    def _own(self, pod: Object, home: Path) -> dict[str, str]:
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(_OWN_HOST_NAME)
        return {
            "WANDBSWEEP_HOME": str(home),
            "WANDBSWEEP_TERMINATION_LOG": str(home / "termination-log"),
            "WANDBSWEEP_PYTHON": sys.executable,
            "HOME": str(home),
            "HOSTNAME": pod["metadata"]["name"],
            "PYTHONPATH": str(site),
            "WANDB_DIR": str(home),
            "WANDB_DISABLE_GIT": "true",
            "WANDB_X_DISABLE_STATS": "true",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }

    def _mounts(self, pod: Object, container: Object, home: Path) -> tuple[dict[str, Path], dict[Path, str]]:
        """The folder for each mount path, and the files of the downward API in them."""
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        mounts, downward = {}, {}
        for mount in container.get("volumeMounts", []):
            volume, path = volumes[mount["name"]], mount["mountPath"]
            if path == "/wandbsweep":  # where the init container puts the runtime
                mounts[path] = self.runtime
                continue
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            mounts[path] = self.folder / "claims" / claim if claim else home / "volumes" / volume["name"]
            mounts[path].mkdir(parents=True, exist_ok=True)
            for item in volume.get("downwardAPI", {}).get("items", []):
                downward[mounts[path] / item["path"]] = item["fieldRef"]["fieldPath"]
        return mounts, downward

    def _variables(self, pod: Object, container: Object, mounts: Mapping[str, Path]) -> dict[str, str]:
        namespace, variables = pod["metadata"]["namespace"], {}
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {})
            if reference := source.get("secretKeyRef"):
                secret = self.kube.get(core_path(namespace, "secrets", reference["name"]))
                value = base64.b64decode(secret["data"][reference["key"]]).decode()
            elif reference := source.get("fieldRef"):
                value = field_of(pod, reference["fieldPath"])
            else:
                value = _on_this_machine(variable.get("value", ""), mounts)
            variables[variable["name"]] = value
        return variables


def field_of(pod: Object, path: str) -> str:
    """What a fieldRef means; an annotation or a label that the pod lacks is an empty text."""
    if element := _ELEMENT.fullmatch(path):
        return str(pod["metadata"].get(element[1], {}).get(element[2], ""))
    value: Any = pod
    for name in path.split("."):
        value = value[name]
    return str(value)


def _words(command: list[str], mounts: Mapping[str, Path]) -> tuple[str, ...]:
    """A command whose words, and values of options, are paths below mounts."""
    parts = (word.partition("=") for word in command)
    return tuple(
        f"{name}={_on_this_machine(value, mounts)}" if equals else _on_this_machine(name, mounts)
        for name, equals, value in parts
    )


def _on_this_machine(text: str, mounts: Mapping[str, Path]) -> str:
    """A path below a mount, as it is here; any other text as it stands."""
    for mount, folder in mounts.items():
        if text == mount or text.startswith(f"{mount}/"):
            return f"{folder}{text.removeprefix(mount)}"
    return text


def _with_home(home: Path) -> list[int]:
    """The processes that have a container's home in their environment: all that its agent started."""
    mark, found = f"WANDBSWEEP_HOME={home}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended in between, or is another user's
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found
