"""What was sampled is what trains: values reach Hydra, argparse and JSON readers unchanged, or are an error."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import wandbsweep
from sameness import same
from wandbsweep.sweep.rendering.macros import RenderError, args_json, escape_macros, render_command, uses_args_json_file
from wandbsweep.sweep.rendering.spelling import spell_hydra, spell_value

PARSER = OverridesParser.create()


def read_by_hydra(spelt):
    """What a program finds in its configuration after Hydra has parsed the override and applied it."""
    config = OmegaConf.create({"a": {"b": None}})
    ConfigLoaderImpl._apply_overrides_to_config([PARSER.parse_override(f"a.b={spelt}")], config)
    return OmegaConf.to_container(config, resolve=True)["a"]["b"]


TEXTS = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    st.text(alphabet="\\'\"${}a1e.-+_ ,:=[]()\n\t?#~@/nulNUinf", max_size=10),
    st.sampled_from(["null", "True", "1e5", "1_000", "nan", "\\'", "\\\\'", "${a}", "\\\\${a}", "${a}\\", "????"]),
).filter(lambda text: text != "???")
KEYS = st.text(alphabet="abz019_/-\\+.$%*@?|()[]{}:=, \te", min_size=1, max_size=6)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(SCALARS, st.lists(SCALARS, max_size=4)))
@example(0.00034)
@example(1e-05)
@example(1e22)
@example(-0.0)
@example(5e-324)
@example(2.0)
@example(10**30)
@example("${oc.env:HOME}")
@example("")
def test_hydra_reads_back_every_scalar_and_list(value):
    assert same(read_by_hydra(spell_hydra(value)), value)


@settings(max_examples=1000, deadline=None)
@given(VALUES)
@example({".*_hip_(yaw|roll)": 100.0, "a:b": {"c d": [1, None]}})
def test_hydra_reads_back_nested_mappings_or_they_are_refused(value):
    try:
        spelt = spell_hydra(value)
    except RenderError:
        return
    assert same(read_by_hydra(spelt), value)


@pytest.mark.parametrize(
    ("value", "spelt"),
    [
        (0.00034, "0.00034"), (1e-05, "1e-05"), (3.0, "3.0"), (3, "3"), (True, "true"), (None, "null"),
        (math.inf, "inf"), (math.nan, "nan"), ("lstm", "lstm"), ("runs/a-b_1.pt", "runs/a-b_1.pt"),
        ("/isaac-sim/x.usd", "/isaac-sim/x.usd"), ("null", "'null'"), ("1e-5", "'1e-5'"), ("", "''"),
        ("it's", "'it\\'s'"), ([1, 2.5, "a b"], "[1,2.5,'a b']"), ({"a": {"b": 1}}, "{a:{b:1}}"),
    ],
)  # fmt: skip
def test_values_are_spelt_plainly_where_they_can_be(value, spelt):
    assert spell_hydra(value) == spelt


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("???", "the text '???' means 'missing' to OmegaConf and cannot be passed: use another"),
        ({"1": 2}, "Hydra would read the key '1' as something other than text: use another key"),
        ({"null": 2}, "Hydra would read the key 'null' as something other than text: use another key"),
        ({"^a": 2}, "Hydra has no notation for the key '^a': use letters, digits and / - \\ + . $ % * @ ? | _"),
        ({1, 2}, "Hydra has no notation for a set: use numbers, texts, booleans, null or lists"),
    ],
)
def test_what_hydra_cannot_say_is_an_error_with_a_remedy(value, message):
    with pytest.raises(RenderError) as caught:
        spell_hydra(value)
    assert str(caught.value) == message


@given(st.one_of(st.integers(), st.floats(allow_nan=False)))
def test_argparse_reads_back_every_number(value):
    assert same(type(value)(spell_value(value)), value)


ARGS = {"agent.lr": 1e-05, "flag": True, "off": False, "name": "lstm"}


@pytest.mark.parametrize(
    ("macro", "argv"),
    [
        ("${args}", ["--agent.lr=1e-05", "--flag=True", "--off=False", "--name=lstm"]),
        ("${args_no_equals}", ["--agent.lr", "1e-05", "--flag", "True", "--off", "False", "--name", "lstm"]),
        ("${args_no_boolean_flags}", ["--agent.lr=1e-05", "--flag", "--name=lstm"]),
        ("${args_no_hyphens}", ["agent.lr=1e-05", "flag=true", "off=false", "name=lstm"]),
        ("${args_append_hydra}", ["+agent.lr=1e-05", "+flag=true", "+off=false", "+name=lstm"]),
        ("${args_override_hydra}", ["++agent.lr=1e-05", "++flag=true", "++off=false", "++name=lstm"]),
        ("${args_json}", ['{"agent.lr": 1e-05, "flag": true, "off": false, "name": "lstm"}']),
        ("${args_json_file}", ["/run/args.json"]),
    ],
)
def test_each_macro_means_what_it_means_to_wandb(macro, argv):
    command = escape_macros(["python", "train.py", macro, "--headless"])

    rendered = render_command(command, ARGS, args_json_file=Path("/run/args.json"))

    assert rendered == ["python", "train.py", *argv, "--headless"]


def test_words_that_only_look_like_macros_stay_as_they_are():
    command = ["$${args}", "$$${args_json}", "--x=${args}", "$HOME", "${env}", "${program}", "${unknown}"]

    assert render_command(escape_macros(command), ARGS, args_json_file="x") == command


def test_a_command_tells_whether_it_needs_the_json_file():
    assert uses_args_json_file(escape_macros(["a", "${args_json_file}"]))
    assert not uses_args_json_file(escape_macros(["a", "${args_json}"]))


@given(st.dictionaries(st.text(max_size=5), SCALARS.filter(lambda value: value == value), max_size=3))  # noqa: PLR0124 no NaN: it never equals itself
def test_json_carries_every_value(args):
    assert same(json.loads(args_json(args)), args)


HYDRA, ARGPARSE = "${args_no_hyphens}", "${args}"


@pytest.mark.parametrize(
    ("args", "macro", "message"),
    [
        ({"x": "a\0b"}, ARGPARSE, "'x' contains a NUL character, which no argument can carry"),
        ({"x": "\ud800"}, HYDRA, "'x' contains half of a surrogate pair, which is no character"),
        (
            {"x": "???"},
            HYDRA,
            "'x': the text '???' means 'missing' to OmegaConf and cannot be passed: use another",
        ),
        ({"x..y": 1}, HYDRA, "'x..y': Hydra cannot read the name 'x..y': use a path such as agent.policy.dim"),
        ({"x": "a" * 131072}, ARGPARSE, "'x' takes 131076 bytes, one argument at most 131071: use ${args_json_file}"),
    ],
)
def test_what_no_argument_can_carry_is_an_error_that_names_the_parameter(args, macro, message):
    with pytest.raises(RenderError) as caught:
        render_command(escape_macros([macro]), args, args_json_file="x")
    assert str(caught.value) == f"parameter {message}"


def test_the_longest_argument_that_is_let_through_is_taken_by_the_kernel():
    (word,) = render_command(escape_macros(["${args}"]), {"x": "a" * (131071 - 4)}, args_json_file="x")

    assert subprocess.run(["/bin/true", word], check=False).returncode == 0
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["/bin/true", word + "a"], check=False)


def test_rendering_needs_nothing_but_the_standard_library():
    """It travels into training containers: no site-packages, no environment, no other room is imported."""
    root = str(Path(wandbsweep.__file__).parents[1])
    program = (
        f"import sys; sys.path.insert(0, {root!r}); import wandbsweep.sweep.rendering.macros as r; "
        "print(r.args_json({'x': 0.1})); print(*(name for name in sys.modules if name.startswith('wandbsweep.')))"
    )

    result = subprocess.run([sys.executable, "-S", "-I", "-c", program], capture_output=True, text=True, check=True)

    values, modules = result.stdout.splitlines()
    assert values == '{"x": 0.1}'
    others = [name for name in modules.split() if not name.startswith("wandbsweep.sweep.rendering")]
    assert others == ["wandbsweep.sweep"]
