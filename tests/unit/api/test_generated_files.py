"""What is generated from the types is checked in, and is what the types say today."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from wandbsweep.api.crd import crd
from wandbsweep.api.reference import generated_files
from wandbsweep.cli.crd import crd as crd_command

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("path", sorted(generated_files()))
def test_the_file_on_disk_is_what_the_types_say(path):
    assert (ROOT / path).read_text() == generated_files()[path], f"{path} is stale: run `make crds`"


def test_the_crd_is_small_enough_for_plain_kubectl_apply():
    assert len(generated_files()["crds/wandbsweeps.wandbsweep.dev.yaml"]) < 100 * 1024


def test_the_crd_command_prints_the_definition():
    result = CliRunner().invoke(crd_command)

    assert result.exit_code == 0
    assert yaml.safe_load(result.output) == crd()


def _fields(node, path=""):
    for name, field in node.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from _fields(field.get("items", field), f"{path}.{name}")


def test_every_field_has_a_description_and_a_type():
    schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = dict(_fields(schema))
    del fields[".metadata"]  # the API server describes it

    assert len(fields) > 50
    assert [path for path, field in fields.items() if len(field.get("description", "")) < 10] == []
    assert [path for path, field in fields.items() if "type" not in field] == []


def test_the_schema_is_structural():
    """No references, no unions with null, no titles: the API server refuses or ignores them."""
    text = generated_files()["crds/wandbsweeps.wandbsweep.dev.yaml"]

    for word in ("$ref", "anyOf", "allOf", "title:", "nullable", "additionalProperties", "readOnly"):
        assert word not in text


def test_printer_columns_name_fields_that_exist():
    version = crd()["spec"]["versions"][0]
    fields = dict(_fields(version["schema"]["openAPIV3Schema"]))

    paths = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
    assert [path for path in paths if path.startswith(".status") and path not in fields] == []
    assert set(version["subresources"]["scale"].values()) <= fields.keys()
