"""Any document is read or refused in words; what is read of a search by Protein can be searched, and sent to W&B."""

import json
import warnings

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from wandbsweep.search.protein import Protein
from wandbsweep.sweep.definition import InvalidSweepError, read_definition
from wandbsweep.sweep.wandb_config import wandb_config

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package still declares its models as for pydantic 1
    from sweeps.config import schema_violations_from_proposed_config

RUN = {"display_name": "x", "uid": "u-1", "token": "1-t", "max_runs": 16, "runs_per_agent": None, "agent_count": 4}
RATE = {"distribution": "log_normal", "min": 0.0001, "max": 0.001, "mean": 0.0005, "scale": 0.5}
SOUND = {"method": "protein", "metric": "reward", "goal": "maximize", "parameters": {"trainer": {"lr": RATE}}}

words = st.sampled_from(["protein", "bayes", "reward", "auto", "time", "1e-5", "log_normal", "uniform_pow2", "", "???"])
plain = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.just(10**400), st.floats(), words)
names = st.sampled_from(["min", "max", "mean", "scale", "value", "values", "distribution", "parameters", "a", "a.b"])
bounds = {
    "uniform": ([0, 0.5, -2.5, 1e-9], [0.75, 1, 1e308]),
    "int_uniform": ([0, -7, 1.0], [1, 4.0, 2**60]),
    "uniform_pow2": ([1, 4.0, 0], [16, 1024, 100]),
    "log_normal": ([1e-300, 0.001, 0], [0.001, 1, 1e300]),
    "logit_normal": ([0.001, 0.5, 0], [0.5, 0.999999, 1]),
    "x": ([0], [1]),
}
scales = st.sampled_from(["auto", "time", 0.5, 1e-9, 9, 0, "0.5"])


@st.composite
def ranges(draw):
    distribution = draw(st.sampled_from(sorted(bounds)))
    low, high = (draw(st.sampled_from(either)) for either in bounds[distribution])
    middle = st.sampled_from([low, high, (low + high) / 2])
    optional = draw(st.fixed_dictionaries({}, optional={"mean": middle, "scale": scales}))
    return {"distribution": distribution, "min": low, "max": high, **optional}


lists = st.fixed_dictionaries({"values": st.lists(st.integers(0, 9), max_size=2)})
trees = st.recursive(
    st.one_of(ranges(), lists, plain),
    lambda inner: st.one_of(st.dictionaries(names, inner, max_size=2), st.lists(inner, max_size=2)),
    max_leaves=4,
)
sections = st.dictionaries(names, st.one_of(ranges(), ranges(), lists, trees), min_size=1, max_size=3)
changes = {
    "method": st.one_of(st.sampled_from(["Protein", "bayes", "grid"]), plain),
    "metric": st.one_of(st.just({"name": "r"}), trees),
    "goal": st.one_of(st.just("minimize"), trees),
    "protein": st.one_of(st.dictionaries(st.sampled_from(["ucb_beta", "cost_param", "use_gpu", "x"]), plain), trees),
    "parameters": sections,
    "resample_frequency": plain,
    "max_runs": plain,
    "trainer": sections,
    "name": trees,
}


@st.composite
def definitions(draw):
    changed = draw(st.lists(st.sampled_from(sorted(changes)), max_size=2, unique=True))
    definition = {**SOUND, **{key: draw(changes[key]) for key in changed}}
    if draw(st.booleans()):
        return definition
    return {"sweep": definition, **draw(st.fixed_dictionaries({}, optional={"wandb": trees, "run": plain}))}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions())
def test_what_is_read_can_be_searched_and_sent_to_w_and_b(document):
    try:
        definition = read_definition(document, field="sweep")
    except InvalidSweepError:
        event("refused")
        return
    event(f"read as {definition.method}")
    protein = Protein.of(definition)
    for _ in range(2):
        values = protein.ask().values
        assert values.keys() == {parameter.path[0] for parameter in definition.parameters}
        json.dumps(values, allow_nan=False)
    assert schema_violations_from_proposed_config(wandb_config(definition, **RUN)) == []
