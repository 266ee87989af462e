"""What a definition needs of the object around it: an end, and an image that has the interpreter."""

from __future__ import annotations

import pytest

from wandbsweep.agent.variables import INTERPRETER_MAP as VARIABLE
from wandbsweep.sweep.checks.isaac import cannot_ray_trace, check_gpus
from wandbsweep.sweep.checks.objects import INTERPRETER_MAP, check_in_object
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.problems import Place

PLACE = Place("spec.sweep.command")
METRIC = {"name": "loss"}
ISAAC = "nvcr.io/nvidia/isaac-lab:2.3.0"


def told(*, image="trainer", env=(), accepted=True, max_runs=None, runs_per_agent=None, target=None, **changes):
    sweep = {"method": "grid", "program": "train.py", "parameters": {"lr": {"values": [1]}}, **changes}
    return [
        str(finding)
        for finding in check_in_object(
            read_definition(sweep, field="spec.sweep"),
            PLACE,
            max_runs=max_runs,
            runs_per_agent=runs_per_agent,
            target=target,
            template={"spec": {"containers": [{"image": image, "env": list(env)}, {"image": "isaac-sim"}]}},
            isaac={"acceptEULA": True} if accepted else None,
        )
    ]


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_a_search_that_nothing_ends_is_told(method):
    (found,) = told(method=method, metric=METRIC)
    assert found == (
        f"spec.maxRuns: is missing, and method {method} never ends by itself; say how many runs the sweep may have"
    )


@pytest.mark.parametrize("end", [{"max_runs": 3}, {"runs_per_agent": 3}, {"run_cap": 3}, {"method": "grid"}])
def test_anything_that_ends_it_is_enough(end):
    assert told(**{"method": "random", **end}) == []


def test_a_target_needs_a_metric_that_can_reach_it():
    (found,) = told(target=0.9)

    assert found == (
        "spec.limits.target: is 0.9, and the definition names no metric that could reach it; "
        "add metric.name and metric.goal to the definition, or remove the target"
    )
    assert told(target=0.9, metric=METRIC) == []


def test_a_scan_ends_by_itself():
    assert told(method="scan") == []


@pytest.mark.parametrize(
    "image",
    [ISAAC, "isaac-sim", "nvcr.io/nvidia/isaac-sim:4.5.0", "lab.example.com:5000/isaaclab/train", "me/isaac_lab-wandb"],
)
@pytest.mark.parametrize(
    "command",
    [
        [],
        ["python", "train.py", "${args}"],
        ["python3.10", "train.py", "${args}"],
        ["${env}", "OMP_NUM_THREADS=1", "python3", "train.py", "${args}"],
    ],
)
def test_plain_python_is_not_that_of_isaac_images(image, command):
    (found,) = told(image=image, command=command)
    assert found.endswith("and the Python of Isaac images is another one; write /isaac-sim/python.sh")


def test_the_word_is_pointed_at():
    (found,) = told(image=ISAAC, command=["/usr/bin/env", "A=1", "python", "a.py", "${args}"])
    assert found.startswith("spec.sweep.command[2]: begins with python,")


@pytest.mark.parametrize(
    ("image", "program"),
    [
        (ISAAC, "/isaac-sim/python.sh"),
        (ISAAC, "./isaaclab.sh"),
        ("isaac-lab.example.com/trainer:1", "python"),
        ("lab/trainer:isaaclab", "pythonic"),
        ("trainer", "python"),
    ],
)
def test_other_programs_and_images_are_fine(image, program):
    assert told(image=image, command=[program, "train.py", "${args}"]) == []


def test_a_pod_that_maps_the_interpreter_is_fine():
    assert told(image=ISAAC, env=[{"name": VARIABLE.name, "value": "{}"}]) == []
    assert VARIABLE.name == INTERPRETER_MAP


def test_an_image_of_nvidia_needs_its_licence():
    (found,) = told(image=ISAAC, accepted=False, command=["/isaac-sim/python.sh", "train.py", "${args}"])

    assert found == (
        f"spec.isaac: is missing, and {ISAAC} does not start before its licence is accepted; add spec.isaac with "
        "acceptEULA: true, once you have read and accepted it"
    )


@pytest.mark.parametrize("image", ["mine.test/nvidia/isaac-lab:2.3.0", "nvcr.io/nvidia/isaac-lab-wandb:1", "trainer"])
def test_other_images_may_have_accepted_it(image):
    assert told(image=image, accepted=False, command=["/isaac-sim/python.sh", "train.py", "${args}"]) == []


def test_a_template_that_accepts_the_licence_is_fine():
    accepting = [{"name": "ACCEPT_EULA", "value": "Y"}]

    assert told(image=ISAAC, env=accepting, accepted=False, command=["./isaaclab.sh", "-p", "a.py", "${args}"]) == []


@pytest.mark.parametrize(
    "product",
    ["NVIDIA-A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3", "NVIDIA H200", "NVIDIA-GH200-480GB", "NVIDIA B200",
     "Tesla-V100-SXM2-16GB", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "NVIDIA-A100-SXM4-80GB-SHARED"],
)  # fmt: skip
def test_cameras_need_ray_tracing_cores(product):
    template = {"spec": {"nodeSelector": {"nvidia.com/gpu.product": product}}}

    finding = check_gpus(template, {"acceptEULA": True, "profile": "camera"})

    assert str(finding) == (
        f"spec.isaac.profile: is camera, and the template asks for {product}, a GPU without ray-tracing cores; "
        "ask for another GPU, or set headless"
    )
    assert check_gpus(template, {"acceptEULA": True, "profile": "headless"}) is None


@pytest.mark.parametrize(
    "product",
    ["NVIDIA-L40S", "NVIDIA-L4", "NVIDIA-A10G", "NVIDIA A40", "NVIDIA-RTX-A3000", "NVIDIA RTX 6000 Ada Generation",
     "NVIDIA RTX PRO 6000 Blackwell Server Edition", "NVIDIA-GeForce-RTX-4090", "Tesla-T4", "a GPU of tomorrow"],
)  # fmt: skip
def test_gpus_with_such_cores_and_unknown_ones_are_fine(product):
    assert not cannot_ray_trace(product)


def by_affinity(*terms):
    """A template that selects nodes by these products; None is a term that says nothing of the GPU."""
    selected = [
        {"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "In", "values": list(products)}]}
        if products
        else {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}
        for products in terms
    ]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": selected}}
    return {"spec": {"affinity": {"nodeAffinity": required}}}


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ([["NVIDIA-H100-80GB-HBM3"]], "NVIDIA-H100-80GB-HBM3"),
        ([["NVIDIA-H100-80GB-HBM3", "NVIDIA-A100-SXM4-80GB"]], "NVIDIA-H100-80GB-HBM3 or NVIDIA-A100-SXM4-80GB"),
        ([["NVIDIA-H100-80GB-HBM3"], ["NVIDIA-A100-SXM4-80GB"]], "NVIDIA-H100-80GB-HBM3 or NVIDIA-A100-SXM4-80GB"),
        ([["NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S"]], None),
        ([["NVIDIA-H100-80GB-HBM3"], None], None),
        ([], None),
    ],
)
def test_gpus_asked_for_by_affinity_are_known_too(terms, named):
    finding = check_gpus(by_affinity(*terms), {"acceptEULA": True, "profile": "camera"})

    assert (f"the template asks for {named}, a GPU" in str(finding)) if named else finding is None
