"""The example without training it: its manifest, its settings. tests/e2e runs it whole."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from image_builder.catalogue import IMAGES
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.sweep.definition import read_definition

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "cartpole"


@pytest.fixture(scope="module")
def settings() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cartpole_settings", EXAMPLE / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((EXAMPLE / "sweep.yaml").read_text())
    return manifest


def test_the_manifest_is_a_valid_sweep(manifest: dict[str, Any]) -> None:
    spec = WandbSweepSpec.model_validate(manifest["spec"])
    assert (spec.agent_count, spec.max_runs) == (3, 12)


def test_the_sweep_is_valid_and_needs_no_warning(manifest: dict[str, Any]) -> None:
    definition = read_definition(manifest["spec"]["sweep"], field="spec.sweep")
    assert definition.method == "bayes"
    assert definition.warnings == ()


def test_the_sweep_runs_in_the_image_that_is_built(manifest: dict[str, Any]) -> None:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGES["trainer-cpu"].reference
    assert manifest["spec"]["sweep"]["program"] == f"{EXAMPLE.name}/train.py"


def edge_values(parameter: dict[str, Any]) -> list[Any]:
    return parameter.get("values") or [parameter["min"], parameter["max"]]


def test_every_parameter_of_the_sweep_is_a_setting_that_takes_its_values(
    manifest: dict[str, Any], settings: ModuleType
) -> None:
    for name, parameter in manifest["spec"]["sweep"]["parameters"].items():
        for value in edge_values(parameter):
            read: Any = settings.read_overrides([f"{name}={value!r}"], settings.TrainCfg)
            for part in name.split("."):
                read = getattr(read, part)
            assert read == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("agent.algorithm.learning_rat=0.1", "Key 'learning_rat' not in 'AlgorithmCfg'"),
        ("agent.algorithm.gamma=high", "'high' of type 'str' could not be converted to Float"),
        ("env.scene.num_envs=1.5", "'1.5' of type 'float' could not be converted to Integer"),
        ("--num_env=3", "unknown argument --num_env=3"),
        ("agent.algorithm=[1", "[1"),
        ("agent", "'agent'"),
    ],
)
def test_an_override_that_fits_nothing_is_refused_in_one_line(
    settings: ModuleType, override: str, message: str
) -> None:
    with pytest.raises(settings.OverrideError) as error:
        settings.read_overrides([override], settings.TrainCfg)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
