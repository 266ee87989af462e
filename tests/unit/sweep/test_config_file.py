"""The JSON file of a trial is byte for byte the one that robomimic's ConfigGenerator writes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandbsweep.sweep.rendering.config_file import ConfigFileError, config_text, split_key

BASE = json.loads(
    '{"train": {"seed": 1, "L2": 0.0}, "meta": {"kept": true, "hp_keys": ["old"]}, '
    '"experiment": {"epochs": [], "name": "bc", "logging": {"terminal": true}}}'
)
EXPECTED = """\
{
    "train": {
        "seed": 7,
        "L2": 1e-05,
        "dims": [],
        "data": "/data/\\u00e9.hdf5"
    },
    "meta": {
        "kept": true,
        "hp_keys": [
            "l2",
            "r",
            "dims",
            "ds"
        ],
        "hp_base_config_file": "gen/base.json",
        "hp_values": [
            1e-05,
            50,
            [],
            "can"
        ]
    },
    "experiment": {
        "epochs": [],
        "name": "bc_l2_1e-05_dims_ds_can",
        "logging": {
            "terminal": true
        },
        "rate": 50
    }
}"""


def text(values, base=BASE, **changes):
    return config_text(base, values, **{"name": None, "base_file": None, "shown": [], **changes})


def test_the_file_has_the_values_in_the_base_and_tells_them_in_meta():
    written = text(
        {"train.L2": 1e-5, "train/seed": 7, "experiment.rate": 50, "train.dims": [], "train.data": "/data/é.hdf5"},
        name="bc_l2_1e-05_dims_ds_can",
        base_file="gen/base.json",
        shown=[("l2", 1e-5), ("r", 50), ("dims", []), ("ds", "can")],
    )
    assert written == EXPECTED


def test_without_a_name_the_experiments_own_stays():
    assert json.loads(text({"train.seed": 2}))["experiment"]["name"] == "bc"


def test_where_the_base_came_from_may_be_unknown():
    assert json.loads(text({}, base={"a": 1})) == {
        "a": 1,
        "meta": {"hp_base_config_file": None, "hp_keys": [], "hp_values": []},
    }


def test_whole_numbers_stay_whole_and_floats_stay_floats():
    assert '"seed": 1.0' in text({"train.seed": 1.0})
    assert '"L2": 0.0' in text({"train.seed": 1.0})
    assert '"L2": 0\n' in text({"train.L2": 0})


def test_neither_the_base_nor_the_values_change():
    base, values = {"a": {"b": 1}}, {"a": {"c": {}}, "a.c.d": 1}
    assert json.loads(text(values, base=base))["a"] == {"c": {"d": 1}}
    assert (base, values) == ({"a": {"b": 1}}, {"a": {"c": {}}, "a.c.d": 1})


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "train.optim.lr",
            (
                "'train.optim.lr' leads through 'train.optim', which base_config does not have (it has seed, L2 "
                "there); correct the key, or add the section to base_config"
            ),
        ),
        (
            "algo/lr",
            (
                "'algo/lr' leads through 'algo', which base_config does not have (it has train, meta, experiment "
                "there); correct the key, or add the section to base_config"
            ),
        ),
        (
            "train.seed.x",
            "'train.seed.x' leads through 'train.seed', which is no mapping in base_config; correct the key",
        ),
    ],
)
def test_a_key_that_leads_nowhere_is_named_with_what_is_there(key, message):
    with pytest.raises(ConfigFileError) as caught:
        text({key: 1})
    assert str(caught.value) == message


def test_a_meta_section_that_is_no_mapping_cannot_be_extended():
    with pytest.raises(ConfigFileError, match="leads through 'meta', which is no mapping"):
        text({}, base={"meta": 1})


_NAMES = st.text("ab", min_size=1, max_size=2)


@given(st.lists(_NAMES, min_size=1, max_size=4), st.sampled_from("/."), st.integers() | st.floats(allow_nan=False))
def test_a_value_is_found_again_where_its_key_says_with_either_separator(path, separator, value):
    base: object = {}
    for name in reversed(path[:-1]):
        base = {name: base}
    key = separator.join(path)

    found = json.loads(text({key: value}, base=base))

    assert split_key(key) == tuple(path)
    for name in path:
        found = found[name]
    assert repr(found) == repr(value)
