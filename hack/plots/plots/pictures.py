"""Which pictures there are, and how each is put together.

Where chance has a part, the seed is the one in the middle of eleven, by how near its search came to a peak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plots import maps, protein, searches
from plots.maps import HEIGHT, MAP, WIDTH
from plots.svg import BLUE, GREEN, ORANGE, paper, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from plots.searches import Place

_STAGE_COLORS: Final = ("#7d8da0", BLUE, GREEN)


def draw_all(folder: Path) -> None:
    """Writes every picture into the folder."""
    for name, picture in PICTURES.items():
        (folder / f"{name}.svg").write_text(picture())


def _searched(places: list[Place], name: str) -> str:
    """The map with the trials, and how near they came."""
    lines = [
        *maps.landscape(),
        *maps.trials(places, BLUE),
        *maps.progress(searches.gaps(places), searches.usual_gaps(), BLUE, name),
    ]
    return paper(WIDTH, HEIGHT, lines)


def stages() -> str:
    """The trials of each stage in a color of its own, and the ranges of the later ones."""
    places, ranges = searches.by_stages("plot11")
    lines = [*maps.landscape()]
    for stage, color in enumerate(_STAGE_COLORS):
        if stage:
            box = ranges[stage]
            lines.append(MAP.box(*box["x"], *box["y"], color))
        lines += [MAP.dot(x, y, color) for x, y in places[stage]]
    every = [place for stage in places for place in stage]
    lines += maps.progress(searches.gaps(every), searches.usual_gaps(), GREEN, "three stages")
    lines += _stage_names(places)
    return paper(WIDTH, HEIGHT, lines)


def _stage_names(places: list[list[Place]]) -> Iterator[str]:
    for stage, color in enumerate(_STAGE_COLORS):
        first = sum(map(len, places[:stage])) + 1
        words = f"stage {stage + 1}, {searches.STAGES[stage]['method']}: from trial {first}"
        top = HEIGHT - 150 + 20 * stage
        yield f'<circle cx="{maps.GAPS.across.start + 20}" cy="{top - 4}" r="4" fill="{color}"/>'
        yield text(maps.GAPS.across.start + 32, top, words, "start")


def scan() -> str:
    """The trials by number, and their names beside."""
    found = searches.scan()
    lines = [*maps.landscape()]
    for number, ((x, y), name) in enumerate(found, 1):
        lines.append(MAP.dot(x, y, BLUE, radius=9))
        lines.append(text(MAP.across(x), MAP.up(y) + 4, str(number), "middle", size=11, color="white"))
        lines.append(text(470, 20 + 24 * number, f"{number}", "end", color=ORANGE))
        lines.append(text(482, 20 + 24 * number, name, "start"))
    lines.append(text(482, 18, "run", "start"))
    return paper(WIDTH - 140, HEIGHT, lines)


PICTURES: Final[Mapping[str, Callable[[], str]]] = {
    "grid": lambda: _searched(searches.grid(), "grid, 5 by 5"),
    "random": lambda: _searched(searches.by_wandb("random", 2), "random, this one"),
    "bayes": lambda: _searched(searches.by_wandb("bayes", 1), "bayes"),
    "scan": scan,
    "stages": stages,
    "optuna": lambda: _searched(searches.by_optuna(7), "Optuna, TPE"),
    "protein": protein.picture,
}
