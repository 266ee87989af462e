"""A value that cannot be passed on is found before the sweep is created, where it is known by then."""

import pytest

from wandbsweep.sweep.definition import InvalidSweepError, read_definition


def problems(parameters, *command):
    try:
        read_definition({"method": "random", "command": list(command), "parameters": parameters}, field="spec.sweep")
    except InvalidSweepError as error:
        return [str(problem) for problem in error.errors]
    return []


HYDRA = "${args_no_hyphens}"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"x": {"values": [1, "???"]}}, ".x.values[1]: parameter 'x': the text '???' means 'missing' to OmegaConf"),
        ({"x": {"value": {"^hip": 1}}}, ".x.value: parameter 'x': Hydra has no notation for the key '^hip'"),
        ({"a..b": {"min": 0.1, "max": 0.2}}, "[a..b]: parameter 'a..b': Hydra cannot read the name 'a..b'"),
        ({"n": {"parameters": {"1": {"value": 2}}}}, ".n.parameters[1]"),
    ],
)
def test_what_hydra_cannot_read_is_refused_where_the_command_speaks_hydra(parameters, message):
    (first, *_) = problems(parameters, "python", HYDRA)
    assert first.startswith(f"spec.sweep.parameters{message}")


def test_it_is_fine_for_a_program_that_reads_no_hydra():
    assert problems({"x": {"values": [1, "???"]}}, "python", "${args}") == []


def test_long_values_are_refused_with_the_size():
    (problem,) = problems({"x": {"value": "a" * 200_000}}, "python", "${args_json_file}")

    assert problem.startswith("spec.sweep.parameters: the values of one trial can take 200009 bytes")
    assert problem.endswith("put long values into files and list the names of the files")


def test_only_the_longest_of_each_parameters_values_counts():
    assert problems({"x": {"values": ["a" * 30_000] * 9}}, "python", "${args}") == []
