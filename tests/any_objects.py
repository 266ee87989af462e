"""WandbSweeps of any shape: by the CRD's own schema, with anything at all in some places.

The API server keeps what stands in `sweep` and `template` as it is, so that there the operator is the first who reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from fuzzing import keyed, stored, texts, values
from wandbsweep.api.crd import crd

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def of_schema(schema: dict[str, Any]) -> SearchStrategy[Any]:
    """What a schema allows, and now and then something else."""
    if "enum" in schema:
        sound = st.sampled_from(schema["enum"])
    elif schema.get("type") == "object" and "properties" in schema:
        parts = {name: of_schema(each) for name, each in schema["properties"].items()}
        required = {name: parts.pop(name) for name in schema.get("required", [])}
        sound = st.fixed_dictionaries(required, optional=parts)
    else:
        kinds = {
            "object": st.dictionaries(texts, values, max_size=3),
            "array": st.lists(of_schema(schema["items"]) if "items" in schema else values, max_size=3),
            "string": st.one_of(texts, st.sampled_from(["a", "https://wandb.lab", "64Gi", "/a", "entity"])),
            "integer": st.integers(-2, 5),
            "number": st.floats(allow_nan=False, allow_infinity=False),
            "boolean": st.booleans(),
        }
        sound = kinds.get(schema.get("type"), values)
    return st.integers(0, 15).flatmap(lambda die: values if die == 0 else sound)


objects = of_schema(SCHEMA).map(stored)
CONTAINER_KEYS = ["name", "image", "env", "volumeMounts", "resources", "securityContext", "ports", "command", "args"]
CONTAINER_KEYS += ["terminationMessagePath"]
containers = st.lists(
    st.one_of(
        st.just({"name": "trainer", "image": "x"}),
        keyed(CONTAINER_KEYS),
        keyed(CONTAINER_KEYS, st.lists(keyed(["name", "value", "mountPath", "valueFrom"]), max_size=2)),
    ),
    min_size=1,
    max_size=2,
)
POD_KEYS = ["volumes", "initContainers", "securityContext", "affinity", "nodeName", "terminationGracePeriodSeconds"]
pods = st.builds(
    lambda pod, listed: {**pod, "containers": listed},
    st.one_of(keyed(POD_KEYS), keyed(POD_KEYS, keyed(["nodeAffinity", "runAsUser", "fsGroup"]))),
    containers,
)
templates = st.fixed_dictionaries(
    {"spec": pods}, optional={"metadata": st.one_of(keyed(["labels", "annotations"]), st.just({"labels": None}))}
).map(stored)
DEFINITION_KEYS = ["method", "metric", "parameters", "command", "program", "run_cap", "early_terminate", "scheduler"]
DEFINITION_KEYS += ["base_config", "stages", "protein", "entity", "project", "name", "description", "sweep_parameters"]
METHODS = ["grid", "random", "bayes", "scan", "protein", "stages", "custom"]
sweeps = st.one_of(
    keyed(DEFINITION_KEYS),
    st.fixed_dictionaries(
        {"method": st.sampled_from(METHODS)},
        optional={
            "parameters": keyed(
                ["lr", "a.b"], keyed(["value", "values", "min", "max", "distribution", "q", "mu", "sigma"])
            ),
            "metric": keyed(["name", "goal", "target"]),
            "command": st.lists(texts, max_size=4),
            "run_cap": values,
            "scheduler": keyed(["engine", "settings"]),
            "stages": st.one_of(st.lists(keyed(["name", "parameters", "keep"]), max_size=2), values),
        },
    ),
)


# A sound object has all that it needs; these take the place of some of its fields. Whose `managedBy` is another is not
# the operator's to look at.
PARTS = {name: of_schema(each) for name, each in SCHEMA["properties"].items() if name != "managedBy"}
PARTS |= {"sweep": st.one_of(sweeps, PARTS["sweep"]), "template": st.one_of(templates, PARTS["template"])}
changes = (
    st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=3, unique=True)
    .flatmap(lambda names: st.fixed_dictionaries({name: PARTS[name] for name in names}))
    .map(stored)
)
