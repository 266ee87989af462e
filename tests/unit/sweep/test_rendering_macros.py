"""Each macro gives the program the arguments that W&B's own agent gives it, wherever those are what was recorded."""

import json
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stock_agent import stock_agent_argv
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.rendering.macros import escape_macros, render_command
from wandbsweep.sweep.rendering.surroundings import fill_in_surroundings
from wandbsweep.sweep.rules import Rule

SPELT_BY_BOTH = ["${args}", "${args_no_equals}", "${args_no_boolean_flags}", "${args_json}"]
FILLED_IN_BY_THE_AGENT = ["${env}", "${interpreter}", "${program}", "--task=${envvar:TASK}", "${envvar:NO_SUCH}",
                          "a${envvar:TASK}b${envvar:TASK}"]  # fmt: skip
NO_MACROS = ["--headless", "${", "}", "$$${args}", "$${args_json}", "--x=${args}", "$HOME", "a b", "${args}x", "'", "",
             "$$", "${args", "args}", "$(id)"]  # fmt: skip
DROPPED = ["${no_such}", "${}", "${envvar:task}", "${args} ${args}"]
TEXTS = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from([*SPELT_BY_BOTH, *FILLED_IN_BY_THE_AGENT, *NO_MACROS, *DROPPED, "-x", "--", "--args", "\n", "$1"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)
ARGS = st.dictionaries(st.one_of(st.sampled_from(["agent.lr", "dim", "a-b"]), TEXTS), VALUES, max_size=4)
WORDS = st.lists(
    st.sampled_from([*SPELT_BY_BOTH, *FILLED_IN_BY_THE_AGENT, *NO_MACROS, *DROPPED]), min_size=1, max_size=6
)
ENVIRON = {"TASK": "Isaac-Velocity-v0"}


@settings(max_examples=300, deadline=None)
@given(WORDS, ARGS)
@example(["${args}"], {"x": "${args}", "${program}": "$${args_json}"})
def test_the_launcher_starts_what_the_stock_agent_would_start(words, args):
    command = ["wandbsweep", "trial", "${args_json}", "--", *escape_macros(words)]

    _, _, values, _, *escaped = stock_agent_argv(command, args, environ=ENVIRON)
    argv = render_command(escaped, json.loads(values), args_json_file="")

    assert argv == stock_agent_argv(words, args, environ=ENVIRON)


@settings(max_examples=300, deadline=None)
@given(WORDS)
def test_what_the_agent_fills_in_is_shown_as_it_does_it(words):
    command = escape_macros(words)

    assert fill_in_surroundings(command, program="a/train.py", environ=ENVIRON) == stock_agent_argv(
        command, {}, program="a/train.py", environ=ENVIRON
    )


@pytest.mark.parametrize("word", [*DROPPED, *FILLED_IN_BY_THE_AGENT, *SPELT_BY_BOTH, *NO_MACROS])
def test_a_word_that_the_agent_drops_is_told_beforehand(word):
    command = ["train.py", "${args_json}", word]
    definition = read_definition(
        {"method": "random", "program": "a", "command": command, "parameters": {"x": {"value": 1}}}, field="sweep"
    )

    dropped = stock_agent_argv([word], {"x": 1}, environ=ENVIRON) == []
    told = [finding for finding in definition.warnings if finding.rule is Rule.UNKNOWN_MACRO]
    assert bool(told) is dropped


def test_variables_that_are_not_known_yet_are_shown_as_they_are_written():
    words = ["${env}", "${interpreter}", "${program}", "--x=${envvar:TASK}", "${envvar:TASK}", "$${args}"]

    assert fill_in_surroundings(words, program="t.py") == [
        "/usr/bin/env", "python", "t.py", "--x=${envvar:TASK}", "${envvar:TASK}", "$${args}",
    ]  # fmt: skip


@pytest.mark.parametrize("macro", ["${args_no_hyphens}", "${args_append_hydra}", "${args_override_hydra}"])
def test_plain_values_are_spelt_for_hydra_as_wandb_spells_them(macro):
    args = {"agent.lr": 0.00034, "agent.dim": 64, "task": "Isaac-Anymal-v0", "dims": [1, 2], "empty": []}

    argv = render_command(escape_macros([macro]), args, args_json_file="")

    assert [word.replace(", ", ",") for word in stock_agent_argv([macro], args)] == argv


def test_the_file_with_the_values_has_a_path_of_the_launchers_own():
    command = escape_macros(["--config", "${args_json_file}"])

    assert render_command(command, {"x": 1}, args_json_file="/run/a b.json") == ["--config", "/run/a b.json"]


def test_no_value_is_taken_for_a_macro_or_seen_by_a_shell(tmp_path):
    hostile = ["${args}", "$${args}", "$(touch pwned)", "`touch pwned`", "; touch pwned", "a\nb", "'\"", "{a,b}", "*"]
    values = {f"x{number}": text for number, text in enumerate(hostile)}
    command = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", "$${args_no_equals}"]

    argv = render_command(command, values, args_json_file="")
    run = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert json.loads(run.stdout) == [word for name, text in values.items() for word in (f"--{name}", text)]
    assert list(tmp_path.iterdir()) == []


SCALED = {
    "lr": 1e-05,
    "gain": 1.1,
    "gain_cli_path": "env.legs.stiffness",
    "gain_base_dict": '{".*_hip": 100, "arm": [0.1, {"wrist": 3}], "k(n)ee": 2e-320}',
    "seed": 3,
}
PRODUCTS = {
    ".*_hip": 110.00000000000001,
    "arm": [0.11000000000000001, {"wrist": 3.3000000000000003}],
    "k(n)ee": 2.2e-320,
}
FOR_HYDRA = "{.*_hip:110.00000000000001,arm:[0.11000000000000001,{wrist:3.3000000000000003}],k\\(n\\)ee:2.2e-320}"


@pytest.mark.parametrize(
    ("macro", "argv"),
    [
        ("${args}", ["--lr=1e-05", f"--env.legs.stiffness={PRODUCTS}", "--seed=3"]),
        ("${args_no_equals}", ["--lr", "1e-05", "--env.legs.stiffness", str(PRODUCTS), "--seed", "3"]),
        ("${args_no_boolean_flags}", ["--lr=1e-05", f"--env.legs.stiffness={PRODUCTS}", "--seed=3"]),
        ("${args_no_hyphens}", ["lr=1e-05", f"env.legs.stiffness={FOR_HYDRA}", "seed=3"]),
        ("${args_append_hydra}", ["+lr=1e-05", f"+env.legs.stiffness={FOR_HYDRA}", "+seed=3"]),
        ("${args_override_hydra}", ["++lr=1e-05", f"++env.legs.stiffness={FOR_HYDRA}", "++seed=3"]),
        ("${args_json}", [json.dumps(SCALED)]),
        ("${args_json_file}", ["/run/args.json"]),
    ],
)
def test_a_scaled_dictionary_takes_the_place_of_its_three_parameters(macro, argv):
    assert render_command(escape_macros([macro]), SCALED, args_json_file="/run/args.json") == argv
    reordered = dict(sorted(SCALED.items(), key=lambda item: "_" not in item[0]))
    assert sorted(render_command(escape_macros(["${args}"]), reordered, args_json_file="")) == sorted(
        render_command(escape_macros(["${args}"]), SCALED, args_json_file="")
    )


@pytest.mark.parametrize(
    "args",
    [
        {"robot_cli_path": "a.b", "rnn_type": "lstm", "terrain_type": "rough", "x_base_dict": "{}"},
        {"robot": 1, "robot_cli_path": "a.b"},
        {"robot": 1, "robot_base_dict": "{}"},
        {"robot_cli_path": "a.b", "robot_base_dict": "{}"},
    ],
)
def test_parameters_that_only_sound_like_parts_of_a_scaled_dictionary_arrive(args):
    argv = render_command(["$${args}"], args, args_json_file="")

    assert argv == [f"--{name}={value}" for name, value in args.items()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain": "2"}, "a scaled dictionary needs a number to multiply by, not '2'"),
        ({"gain": True}, "a scaled dictionary needs a number to multiply by, not True"),
        ({"gain_cli_path": 3}, "gain_cli_path must be the path of a setting, not 3"),
        ({"gain_cli_path": "a..b"}, "Hydra cannot read the name 'a..b': use a path such as agent.policy.dim"),
        ({"gain_base_dict": "{a: 1}"}, "gain_base_dict cannot be read: it must be a mapping as JSON text"),
        ({"gain_base_dict": "[1]"}, "gain_base_dict must be a mapping of base values, not [1]"),
        ({"gain_base_dict": '{"a": [1, "2"]}'}, "gain_base_dict[a][1] must be a number, not '2'"),
        ({"gain_base_dict": '{"a": {"b": null}}'}, "gain_base_dict[a][b] must be a number, not None"),
        ({"gain_base_dict": '{"a": true}'}, "gain_base_dict[a] must be a number, not True"),
        ({"gain_base_dict": '{"a": 1e308}', "gain": 10}, "gain_base_dict[a] multiplied by 10 is no finite number"),
        ({"gain_base_dict": '{"a": NaN}'}, "gain_base_dict[a] multiplied by 1.1 is no finite number"),
        ({"gain_base_dict": f'{{"a": 1{"0" * 400}}}'}, "gain_base_dict[a] multiplied by 1.1 is no finite number"),
        (
            {"gain_base_dict": '{"^a": 1}'},
            "Hydra has no notation for the key '^a': use letters, digits and / - \\ + . $ % * @ ? | _",
        ),
    ],
)
def test_a_scaled_dictionary_that_cannot_be_scaled_stops_the_trial(changes, message):
    with pytest.raises(ValueError, match="gain") as caught:
        render_command(["$${args_no_hyphens}"], {**SCALED, **changes}, args_json_file="")

    assert str(caught.value) == f"parameter 'gain': {message}"
