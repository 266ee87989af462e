"""Ten thousand sets of values go through the launcher and Hydra into a configuration, and come back as they were."""

import json
import math
import random
import struct

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType
from omegaconf import OmegaConf

from sameness import same
from wandbsweep.sweep.rendering.macros import RenderError, escape_macros, render_command

PARTS, SETS_PER_PART = 25, 400
PARSER = OverridesParser.create()

ODD_FLOATS = (0.0, -0.0, 1.0, -3.0, 1e22, 1e16, 1e15, 123456789.0, 0.1, 1e-5, 3.4e-4, 5e-324, 2.2e-308, 1.7e308,
              math.inf, -math.inf, math.nan)  # fmt: skip
ODD_INTS = (0, -1, 2**31, 2**53 + 1, -(2**63), 2**64, 10**30)
ODD_TEXTS = (
    "", " ", "null", "None", "NULL", "true", "False", "yes", "on", "nan", "-inf", "1", "1.0", "1e5", "1e-5", "-5", "+3",
    "0x10", "1_000", "007", "'", '"', "''", "\\", "\\\\", "\\'", "it's", 'say "x"', ",", "a,b", "=", "a=b", "--flag",
    "-x", "$", "${args}", "${a}", "${oc.env:HOME}", "\\${a}", "$${args_no_hyphens}", "{", "}", "{a:1}", "[1,2]",
    "(", "a)b", "choice(1,2)", "range(1,3)", "sort(a)", "int('3')", "a b", "  a ", "a\tb", "a\nb", "\r", "a:b", "~a",
    "a/b", "/x/y.usd", "@", "ü", "日本", "🦾", "\u2028", "%s", "a;b", "`id`", "$(id)", "&&", "*", "?", "????", "!", "|",
    "<a>", "$HOME", "lstm", "elu", "Isaac-Velocity-v0",
)  # fmt: skip
ODD_KEYS = (
    ".*", ".*_hip_yaw_joint", "waist.*", ".*(hip|knee)_joint", "[lr]_arm", "a{2,3}", "a:b", "a=b", "a,b", "a b", " a",
    "\\d+", "\\.", "a$", "a?", "x*", "+a", "@a", "a%", "/a/b", "_", "arm-1", "L\\", "(a)\\(b",
)  # fmt: skip
LETTERS = "\\'\"${}ae1.-+_ ,:=[]()\n\t?#~@/nulé"
ROOTS = ("agent", "env", "trainer", "_x", "a-b")
SEGMENTS = (
    "policy",
    "lr",
    "dim_1",
    "rewards",
    "goal-reached",
    "_private",
    "x1",
    "null",
    "true",
    "inf",
    "e5",
    "rnn_type",
)


def some_float(pick):
    return pick.choice((
        pick.choice(ODD_FLOATS),
        struct.unpack("<d", pick.randbytes(8))[0],
        pick.uniform(-10, 10),
        10 ** pick.uniform(-9, 9),
        float(pick.randrange(-(10**9), 10**9)),
    ))  # fmt: skip


def some_int(pick):
    return pick.choice((pick.choice(ODD_INTS), pick.randrange(-100, 100), pick.getrandbits(80)))


def some_text(pick):
    return pick.choice((pick.choice(ODD_TEXTS), "".join(pick.choices(LETTERS, k=pick.randrange(1, 8)))))


def some_key(pick):
    return pick.choice((pick.choice(ODD_KEYS), f"joint_{pick.randrange(100)}"))


def some_value(pick, depth=0):
    kind = pick.randrange(10 if depth < 2 else 8)
    if kind < 3:
        return some_float(pick)
    if kind < 4:
        return some_int(pick)
    if kind < 7:
        return some_text(pick)
    if kind == 7:
        return pick.choice((None, True, False))
    if kind == 8:
        return [some_value(pick, depth + 1) for _ in range(pick.randrange(4))]
    return {some_key(pick): some_value(pick, depth + 1) for _ in range(pick.randrange(4))}


def some_set(pick):
    """Values by dotted name; no name begins with another one."""
    names = {".".join((pick.choice(ROOTS), *pick.choices(SEGMENTS, k=2))) for _ in range(pick.randrange(1, 6))}
    return {name: some_value(pick) for name in sorted(names)}


def some_hostile_name(pick):
    """Most of them are none for Hydra."""
    return pick.choice(("a.b", "x", "a-b", "_", "a.0")) if pick.random() < 0.5 else hostile_text(pick, 6) or "x"


def hostile_text(pick, length):
    alphabet = "ab01._-$^'\"\\(){}[]:=,~+@/#%* \t\n\0é日\ud800?!|e"
    return "".join(pick.choices(alphabet, k=pick.randrange(length)))


def some_hostile_value(pick):
    shape = pick.randrange(4)
    if shape == 0:
        return {hostile_text(pick, 4): some_value(pick, depth=2)}
    if shape == 1:
        return {pick.choice(("1", "1e5", "-inf", "nan", "null", "true", "1_0", "0x1", "-", "+1", ".5", "5.", "")): 1}
    return pick.choice(("???", ["???"], {"a": "???"}, "a\0", "\udc00", hostile_text(pick, 8)))


def some_base(pick, depth=0):
    """Numbers by joint, in lists and mappings too."""
    inner = (lambda: [pick.uniform(-9, 9), pick.randrange(9)], lambda: some_base(pick, depth + 1))
    leaf = (lambda: pick.uniform(0, 1e4), lambda: pick.randrange(500), lambda: 1e-320, lambda: 100.0)
    return {some_key(pick): pick.choice(leaf + inner if depth < 2 else leaf)() for _ in range(pick.randrange(1, 5))}


def products(base, factor):
    if isinstance(base, dict):
        return {key: products(value, factor) for key, value in base.items()}
    if isinstance(base, list):
        return [products(value, factor) for value in base]
    return float(base) * factor


def applied(argv, names, known=None):
    """What a program finds under these names in its configuration; it has them all where `known` does not say which."""
    config = OmegaConf.create()
    OmegaConf.set_struct(config, value=True)
    for name in names if known is None else known:
        OmegaConf.update(config, name, None, force_add=True)
    ConfigLoaderImpl._apply_overrides_to_config(PARSER.parse_overrides(argv), config)
    found = OmegaConf.to_container(config, resolve=True)
    return {name: at(found, name) for name in names}


def at(found, name):
    for segment in name.split("."):
        found = found[segment]
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_rendered_for_hydra_is_what_its_program_finds(part):
    pick = random.Random(part)
    command = escape_macros(["${args_no_hyphens}"])
    for _ in range(SETS_PER_PART):
        values = some_set(pick)

        argv = render_command(command, values, args_json_file="")

        assert same(applied(argv, values), values), argv


@pytest.mark.parametrize("macro", ["${args_append_hydra}", "${args_override_hydra}"])
def test_settings_that_the_program_does_not_have_are_added(macro):
    pick = random.Random(macro)
    command = escape_macros([macro])
    for _ in range(SETS_PER_PART):
        values = some_set(pick)

        argv = render_command(command, values, args_json_file="")

        assert same(applied(argv, values, known=()), values), argv


@pytest.mark.parametrize("part", range(5))
def test_what_hydra_cannot_say_is_an_error_and_never_another_value(part):
    pick = random.Random(part)
    command = escape_macros(["${args_no_hyphens}"])
    said = refused = 0
    for _ in range(SETS_PER_PART):
        values = {some_hostile_name(pick): some_hostile_value(pick)}
        try:
            argv = render_command(command, values, args_json_file="")
        except RenderError:
            refused += 1
            continue
        said += 1
        ((name, value),) = values.items()
        (override,) = PARSER.parse_overrides(argv)
        assert (override.key_or_group, override.package, override.type) == (name, None, OverrideType.CHANGE), argv
        assert same(applied([argv[0].replace(name, "x", 1)], ["x"])["x"], value), argv
    assert said > 20
    assert refused > 20


@pytest.mark.parametrize("part", range(5))
def test_a_scaled_dictionary_arrives_as_the_exact_products(part):
    pick = random.Random(part)
    command = escape_macros(["${args_no_hyphens}"])
    for _ in range(SETS_PER_PART):
        base, factor = some_base(pick), pick.choice((pick.uniform(0, 2), 10 ** pick.uniform(-5, 5), 2, 0, -0.5))
        values = {"gain": factor, "gain_cli_path": "env.legs", "gain_base_dict": json.dumps(base)}

        argv = render_command(command, values, args_json_file="")

        assert same(applied(argv, ["env.legs"]), {"env.legs": products(base, factor)}), argv
