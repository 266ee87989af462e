"""What `wandbsweep trial` makes of its arguments: the argv of the trainer, the trial's name, and the files it reads.

    wandbsweep trial [OPTION=VALUE...] ARGS_JSON -- COMMAND...

`launch_words` writes that command line into a sweep, W&B's agent fills in its macros, `read_launch` reads it again in
the training container, and `render_launch` says what to start. The options carry what the values of one run alone do
not tell: a scan's keys in their order with their short names, the configuration that all trials have in common, what
is run after the training, and the method where W&B knows it by another name.

Standard library only: this file travels into training containers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.sweep.rendering.cell import CellError, read_cell
from wandbsweep.sweep.rendering.config_file import ConfigFileError, config_text
from wandbsweep.sweep.rendering.evaluation import EvaluationError, EvaluationStage, read_evaluation, told_evaluation
from wandbsweep.sweep.rendering.macros import (
    RenderError,
    args_json,
    escape_macros,
    render_command,
    uses_args_json_file,
    uses_config_json_file,
)
from wandbsweep.sweep.rendering.scaling import arguments
from wandbsweep.sweep.rendering.surroundings import fill_in_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

USAGE: Final = (
    "wandbsweep trial [--method=NAME] [--scan=NAMES] [--base-config=JSON] [--base-config-file=JSON] "
    "[--evaluation=JSON] ARGS_JSON -- COMMAND..."
)

PROGRAM: Final = ("wandbsweep", "trial")
"""What the command of every sweep that was made here begins with."""

SCAN: Final = "scan"
"""The parameter under which W&B hands out the trials of a scan."""

TRIAL_NOTE: Final = "wandbsweep"
"""Beside the values that a search of ours hands out: the trial's name, its number, and what was expected of it."""

ARGS_MACRO: Final = "${args_json}"

_METHOD, _SCAN, _BASE, _BASE_FILE = "--method=", "--scan=", "--base-config=", "--base-config-file="
_EVALUATION = "--evaluation="
_OPTIONS: Final = (_METHOD, _SCAN, _BASE, _BASE_FILE, _EVALUATION)


class LaunchError(ValueError):
    """No trainer can be started with these words; the message is for the user."""


@dataclass(frozen=True)
class Launch:
    """The command line of one trial, read."""

    args: Mapping[str, Any]
    """As W&B handed them out."""
    command: tuple[str, ...]
    """The user's own, its argument macros hidden."""
    short_names: Mapping[str, str] | None = None
    """Of a scan: its keys in their order, each with the name it has in names of trials."""
    base_config: Mapping[str, Any] | None = None
    base_config_file: str | None = None
    """Where the base configuration came from, if that is known."""
    note: Mapping[str, Any] = field(default_factory=dict)
    """What the search says of the trial, such as its name."""
    evaluation: EvaluationStage | None = None
    """In the user's own words."""


@dataclass(frozen=True)
class Rendered:
    """What is started for one trial."""

    name: str | None
    """What the run is called; None leaves that to W&B."""
    values: Mapping[str, Any]
    """What the trial tries, by parameter: for a scan the values inside the cell that W&B handed out."""
    argv: tuple[str, ...]
    files: Mapping[str, str]
    """Contents by path: those that the argv refers to, or that of the evaluation."""
    evaluation: EvaluationStage | None = None
    """What is started after it, in the words that are started."""


def launch_words(
    command: Sequence[str],
    *,
    short_names: Mapping[str, str] | None = None,
    base_config: Mapping[str, Any] | None = None,
    base_config_file: str | None = None,
    method: str | None = None,
    evaluation: EvaluationStage | None = None,
) -> list[str]:
    """The command of the sweep on W&B: the user's own, argument macros hidden, behind the trial launcher.

    `method` is given where W&B knows it by another name.
    """
    options = (
        (_METHOD, method),
        (_SCAN, short_names),
        (_BASE, base_config),
        (_BASE_FILE, base_config_file),
        (_EVALUATION, evaluation and told_evaluation(evaluation)),
    )
    given = [flag + _inert(value) for flag, value in options if value is not None]
    return [*PROGRAM, *given, ARGS_MACRO, "--", *escape_macros(command)]


def _inert(value: Any) -> str:
    """JSON in which W&B's agent can find no macro."""
    return json.dumps(value, separators=(",", ":")).replace("$", "\\u0024")


def method_on_wandb(config: Mapping[str, Any]) -> str | None:
    """The method of a sweep as its user called it: W&B calls what is searched beside it `custom`."""
    command = config.get("command")
    words = [str(word) for word in command] if isinstance(command, list) else []
    options = words[len(PROGRAM) : words.index("--")] if "--" in words else []
    if tuple(words[: len(PROGRAM)]) == PROGRAM:
        if named := next((word for word in options if word.startswith(_METHOD)), None):
            return _text(named.removeprefix(_METHOD)) or config.get("method")
        if any(word.startswith(_SCAN) for word in options):
            return SCAN
    return config.get("method")


def _text(json_text: str) -> str | None:
    try:
        value = json.loads(json_text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def values_of_scan(recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run of a scan tried, by key, from the parameters that W&B has of it."""
    try:
        return read_cell(recorded.get(SCAN)).values
    except CellError:
        return recorded


def read_launch(words: Sequence[str], args: Mapping[str, Any] | None = None) -> Launch:
    """Read what stands behind `wandbsweep trial`, once W&B's agent has filled in its macros.

    Args:
        words: the command line.
        args: the values of the run where they are at hand; the word that holds them as JSON is not looked at then.
    """
    options: dict[str, Any] = {}
    rest = list(words)
    while rest and (flag := next((each for each in _OPTIONS if rest[0].startswith(each)), None)):
        options[flag] = _from_json(rest.pop(0).removeprefix(flag), f"the value of {flag.rstrip('=')}")
    if len(rest) < 3 or rest[1] != "--":  # noqa: PLR2004 - JSON, two dashes and at least a program
        raise LaunchError(
            f"expected `{USAGE}`; the sweep's command must be "
            '["wandbsweep", "trial", "${args_json}", "--", ...your own command...]'
        )
    given = _mapping(_from_json(rest[0], "what W&B handed out") if args is None else args, "the sampled values")
    note = _note(given)
    return Launch(
        args={key: value for key, value in given.items() if not (note and key == TRIAL_NOTE)},
        command=tuple(rest[2:]),
        short_names=_mapping(options[_SCAN], "--scan") if _SCAN in options else None,
        base_config=_mapping(options[_BASE], "--base-config") if _BASE in options else None,
        base_config_file=options.get(_BASE_FILE),
        note=note,
        evaluation=_evaluation(options[_EVALUATION]) if _EVALUATION in options else None,
    )


def _note(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parameter of the user's may have the same name; a note names its trial."""
    note = given.get(TRIAL_NOTE)
    return note if isinstance(note, dict) and isinstance(note.get("name"), str) else {}


def _evaluation(told: Any) -> EvaluationStage:
    try:
        return read_evaluation(told)
    except EvaluationError as error:
        raise LaunchError(str(error)) from None


def _from_json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise LaunchError(f"{what} is not JSON: {error}") from None
    except RecursionError:
        raise LaunchError(f"{what} is nested too deeply") from None


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise LaunchError(f"{what} must be a JSON object, name by name")
    return value


def render_launch(
    launch: Launch,
    *,
    args_json_file: str,
    config_folder: str,
    checkpoint_dir: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Rendered:
    """What to start for one trial.

    Args:
        launch: the command line.
        args_json_file: the path behind `${args_json_file}`.
        config_folder: where the file behind `${config_json_file}` goes, empty for here; it is called after the trial.
        checkpoint_dir: what `${checkpoint_dir}` stands for; it stays as it is where that is not known.
        environ: the variables behind `${envvar:X}` of an evaluation; None: they are not known here, and it stays.

    Raises:
        LaunchError: a value cannot reach the trainer unchanged.
    """
    after = _words_of_evaluation(launch, environ)
    try:
        name, values, shown = _trial_of(launch)
        config_file = str(PurePath(config_folder, f"{(name or 'config').replace('/', '_')}.json"))
        rendered = partial(
            render_command,
            args=values,
            args_json_file=args_json_file,
            config_json_file=config_file,
            checkpoint_dir=checkpoint_dir,
        )
        argv, evaluation = tuple(rendered(launch.command)), _evaluated(launch, after, rendered)
        files = {}
        if uses_args_json_file([*launch.command, *after]):
            files[args_json_file] = args_json(values)
        if uses_config_json_file([*launch.command, *after]):
            files[config_file] = _config_text(launch, values, name, shown)
    except (RenderError, ConfigFileError) as error:
        raise LaunchError(str(error)) from None
    return Rendered(name, values, argv, files, evaluation)


def _words_of_evaluation(launch: Launch, environ: Mapping[str, str] | None) -> list[str]:
    """W&B's agent does not see them, so all macros are left to be filled in."""
    words = escape_macros(launch.evaluation.command) if launch.evaluation else []
    return fill_in_surroundings(words, program=None, environ=environ)


def _evaluated(launch: Launch, words: Sequence[str], render: Callable[..., list[str]]) -> EvaluationStage | None:
    if launch.evaluation is None:
        return None
    try:
        return replace(launch.evaluation, command=tuple(render(words)))
    except RenderError as error:
        raise LaunchError(f"evaluation.command: {error}") from None


def _config_text(launch: Launch, values: Mapping[str, Any], name: str | None, shown: Sequence[tuple[str, Any]]) -> str:
    if launch.base_config is None:
        raise LaunchError("the command asks for ${config_json_file}, and the sweep has no base_config")
    given = {argument.name: argument.value for argument in arguments(values)}
    return config_text(launch.base_config, given, name=name, base_file=launch.base_config_file, shown=shown)


def _trial_of(launch: Launch) -> tuple[str | None, Mapping[str, Any], list[tuple[str, Any]]]:
    """The trial's name, its values, and what is told of them in the `meta` section."""
    if launch.short_names is None:
        shown = [(argument.parameter, launch.args[argument.parameter]) for argument in arguments(launch.args)]
        return launch.note.get("name") or None, launch.args, shown
    try:
        cell = read_cell(launch.args.get(SCAN))
    except CellError as error:
        raise LaunchError(f"what W&B handed out is no trial of this scan: {error}") from None
    if missing := [key for key in launch.short_names if key not in cell.values]:
        raise LaunchError(f"what W&B handed out is no trial of this scan: it has no value for {missing[0]!r}")
    values = {key: cell.values[key] for key in launch.short_names}
    named = [(key, short_name) for key, short_name in launch.short_names.items() if short_name]
    return cell.name, values, [(short, cell.value_names.get(key, values[key])) for key, short in named]
