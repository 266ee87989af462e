"""What the runtime is told about the caches of Isaac Sim."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.settings import BadEnvironmentError
from wandbsweep.agent.variables import CACHE, CACHE_FOLDERS, IMAGE, WARM_UP, WARM_UP_SECONDS
from wandbsweep.agent.whole_numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.gpu import Gpu

FOLDERS: Final = (
    "/isaac-sim/kit/cache",
    "~/.cache/ov",
    "~/.cache/pip",
    "~/.cache/warp",
    "~/.cache/nvidia/GLCache",
    "~/.nv/ComputeCache",
)
"""Where Isaac Sim, Kit, Omniverse, pip, Warp, OpenGL and CUDA keep what they made or fetched once."""

_ISAAC_PYTHON: Final = Path("/isaac-sim/python.sh")
_FRAMES: Final = 120

_START_AND_CLOSE: Final = f"""\
from isaacsim import SimulationApp
app = SimulationApp({{"headless": True}})
for _ in range({_FRAMES}):
    app.update()
app.close()
"""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class CacheSettings:
    """Where caches are kept, of which folders, and what fills them.

    Attributes:
        volume: what outlives the pod.
        image: of this container.
        folders: of this container that are kept.
        command: fills them.
        seconds: how long it may take, and how long that of another pod is waited for; 0: it is not run.
    """

    volume: Path
    image: str
    folders: tuple[Path, ...]
    command: tuple[str, ...]
    seconds: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], home: str) -> CacheSettings | None:
        """None where nothing is to be kept. `home` is the user's, as the trainer sees it."""
        volume = environ.get(CACHE.name)
        if not volume:
            return None
        folders = _words(environ, CACHE_FOLDERS.name) or FOLDERS
        return cls(
            volume=Path(volume),
            image=environ.get(IMAGE.name, ""),
            folders=tuple(Path(home, folder[2:]) if folder.startswith("~/") else Path(folder) for folder in folders),
            command=_words(environ, WARM_UP.name) or _default_command(),
            seconds=_seconds(environ.get(WARM_UP_SECONDS.name) or WARM_UP_SECONDS.default),
        )

    def key(self, gpu: Gpu) -> str:
        """The name of the folder on the volume: what can be read in it, and a digest that makes it unmistakable."""
        parts = (self.image or "image", gpu.driver or "no-driver", gpu.product or "no-gpu")
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
        return "_".join([*(_UNFIT.sub("-", part)[-60:] for part in parts), digest])


def _default_command() -> tuple[str, ...]:
    python = str(_ISAAC_PYTHON) if _ISAAC_PYTHON.exists() else "python3"
    return (python, "-c", _START_AND_CLOSE)


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = environ.get(name)
    if not text:
        return ()
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise BadEnvironmentError(f"{name} is {text!r}: set it to a JSON list of texts, or remove it")
    return tuple(words)


def _seconds(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise BadEnvironmentError(f"{WARM_UP_SECONDS.name} is {text!r}: set it to a whole number, or remove it")
    return number
