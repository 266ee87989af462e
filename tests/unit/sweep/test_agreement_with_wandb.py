"""Our verdict on a definition against that of W&B's own checks (`sweeps`, the package their server runs).

We are never more lenient, except that bounds given as exponents, which they discourage, are a warning here. We are
stricter only for the reasons in STRICTER, each of which would cost a GPU: W&B takes the definition, and then no run can
start or all runs search something else than was meant.
"""

import math
import warnings

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.reading.distributions import DISTRIBUTIONS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    from sweeps.config import schema_violations_from_proposed_config

STRICTER = {
    "needs one": "bayes and early_terminate have nothing to go by without a metric",
    "the command uses ${program}": "the agent would start nothing",
    "a grid cannot go through": "W&B's grid engine raises when asked for a run",
    "a grid tries every value once": "W&B's grid engine raises when asked for a run",
    "bayes cannot propose values": "W&B's bayes engine raises when asked for a run",
    "takes exponents of e, and": "the bounds overflow in the engine",
    "must be less than max": "W&B compares the bounds of top-level parameters only, not of nested ones",
    "must be a finite number": "an infinite bound has no range to draw from",
    "put the word in quotes": "the program would get Python's notation of a mapping or a boolean",
    "is missing; give the name": "a metric without a name is never logged",
    "is nested too deeply": "guards the operator",
    "no trial gets the sampled value": "the program would train with a value that the command fixes",
}

numbers = st.one_of(
    st.integers(-3, 5), st.sampled_from([0.0, 0.1, 0.5, 1.0, 1e-5, -1.5, 2.5, 1000, math.inf, "1e-5", None, True])
)
settings_of_parameters = st.fixed_dictionaries(
    {},
    optional={
        "distribution": st.one_of(st.sampled_from(sorted(DISTRIBUTIONS)), st.sampled_from(["loguniform", None, 3])),
        "min": numbers,
        "max": numbers,
        "mu": numbers,
        "sigma": numbers,
        "q": numbers,
        "a": numbers,
        "b": numbers,
        "value": st.one_of(numbers, st.lists(numbers, max_size=2)),
        "values": st.one_of(st.lists(numbers, max_size=3), st.just("x")),
        "probabilities": st.sampled_from([[0.5, 0.5], [1.0], [0.2, 0.3, 0.5], [-0.5, 1.5], ["1"], "x"]),
        "steps": numbers,
    },
)


@st.composite
def plausible_parameters(draw):
    """Settings that fit a distribution, with or without its name: most random mixtures fit none."""
    name = draw(st.sampled_from(sorted(DISTRIBUTIONS)))
    distribution = DISTRIBUTIONS[name]
    sensible = {
        "min": st.sampled_from([1, 2, 0.5, 0, -1]), "max": st.sampled_from([3, 4.5, 10, 1]),
        "value": numbers, "values": st.just([1, 2]), "probabilities": st.just([0.5, 0.5]),
    }  # fmt: skip
    optional = draw(st.lists(st.sampled_from(distribution.takes), unique=True)) if distribution.takes else []
    body = {key: draw(sensible.get(key, st.sampled_from([1, 0.5, 0]))) for key in (*distribution.needs, *optional)}
    return {**body, "distribution": name} if draw(st.booleans()) else body


bodies = st.one_of(plausible_parameters(), plausible_parameters(), settings_of_parameters, st.just(3), st.just([1]))
names = st.sampled_from(["lr", "agent.gamma", "a-b", "_x", "a b", "1x"])
nested = st.fixed_dictionaries({"parameters": st.dictionaries(names, bodies, max_size=2)})
parameters = st.dictionaries(names, st.one_of(bodies, nested), max_size=2)
metrics = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["reward", "", 3]),
        "goal": st.sampled_from(["maximize", "minimize", "max"]),
        "target": numbers,
        "impute": st.sampled_from(["worst", "none"]),
        "impute_while_running": st.sampled_from(["false", False]),
        "weight": numbers,
    },
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["hyperband", "median"]),
        "min_iter": st.sampled_from([0, 1, 3, 3.0, 2.5, "3"]),
        "max_iter": st.sampled_from([27, 27.0, 2.5]),
        "s": st.sampled_from([2, "2"]),
        "eta": st.sampled_from([3, 1, 1.5]),
        "strict": st.sampled_from([True, "yes"]),
        "patience": numbers,
    },
)
SOUND = {
    "method": "random",
    "program": "train.py",
    "metric": {"name": "reward"},
    "parameters": {"lr": {"values": [0.1, 0.2]}},
}
changes = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["grid", "random", "bayes", "Grid", None]),
        "parameters": st.one_of(parameters, st.just(None), st.just([])),
        "program": st.sampled_from(["train.py", 3]),
        "metric": st.one_of(metrics, st.just("reward")),
        "early_terminate": st.one_of(rules, st.just({"type": "hyperband", "min_iter": 3})),
        "run_cap": st.sampled_from([0, 1, 10, 10.0, 2.5, "3", None, True]),
        "command": st.sampled_from(
            [[], ["python", "${args}"], "python", ["a", {"b": 1}], ["a", 3], ["a", "${args}", "--lr=1"]]
        ),
        "name": st.sampled_from(["x", 3]),
        "description": st.sampled_from(["x", None]),
        "kind": st.sampled_from(["sweep", "job"]),
        "controller": st.sampled_from([{"type": "cloud"}, {"type": "other"}, "cloud"]),
        "job": st.just("j"),
        "extra": st.just(1),
    },
)


@st.composite
def definitions(draw):
    """A sound definition with some of its keys changed, so that accepting and refusing both happen often."""
    drawn = draw(changes)
    kept = draw(st.lists(st.sampled_from(sorted(drawn)), max_size=3)) if drawn else []
    return {**SOUND, **{key: drawn[key] for key in kept}}


def violations(config):
    try:
        found = schema_violations_from_proposed_config(config)
    except Exception as error:  # noqa: BLE001 their checks raise many kinds on what they did not expect
        found = [str(error)]
    return [message for message in found if "specify base-e exponents" not in message]


def agree(config):
    try:
        read_definition(config, field="spec.sweep")
        ours = []
    except InvalidSweepError as error:
        ours = list(map(str, error.errors))
    theirs = violations(config)
    event(f"ours {'refuse' if ours else 'accept'}, theirs {'refuse' if theirs else 'accept'}")

    if theirs:
        assert ours, theirs
    else:
        assert [message for message in ours if not any(reason in message for reason in STRICTER)] == []


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions())
def test_our_verdict_on_a_definition_is_that_of_wandb_or_stricter_for_a_stated_reason(config):
    agree(config)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["grid", "random", "bayes"]), bodies)
def test_our_verdict_on_a_parameter_is_that_of_wandb_or_stricter_for_a_stated_reason(method, body):
    agree({**SOUND, "method": method, "parameters": {"lr": body}})
