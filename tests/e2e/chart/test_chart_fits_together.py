"""Names in one manifest are the names in another."""

from typing import Any

import pytest

from charts import container, of_kind, the_one
from wandbsweep.cli.operator import operator
from wandbsweep.cli.server import server
from wandbsweep.controller.leadership import POD_NAME_VARIABLE, POD_UID_VARIABLE

SERVER = {"server": {"enabled": True}}
COMMANDS = {"operator": operator, "server": server}


def flag(arguments: list[str], name: str) -> str | None:
    return next((each.partition("=")[2] for each in arguments if each.startswith(f"{name}=")), None)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, None),
        (SERVER, "http://wandbsweep-server.sweeps.svc:8080"),
        ({"server": {"enabled": True, "service": {"port": 80}}}, "http://wandbsweep-server.sweeps.svc:80"),
        ({**SERVER, "wandb": {"baseURL": "https://wandb.example.com"}}, "https://wandb.example.com"),
        ({"wandb": {"baseURL": "https://wandb.example.com"}}, "https://wandb.example.com"),
    ],
    ids=["as the operator has it", "embedded", "embedded, port 80", "named beats embedded", "named"],
)
def test_sweeps_that_name_no_server_go_to(render, values: dict[str, Any], url: str | None) -> None:
    assert flag(container(render(values), "Deployment")["args"], "--wandb-base-url") == url


def test_the_url_of_the_embedded_server_leads_to_its_pods(render) -> None:
    manifests = render(SERVER)
    (service,) = [each for each in of_kind(manifests, "Service") if each["metadata"]["name"] == "wandbsweep-server"]
    stateful_set = the_one(manifests, "StatefulSet")
    labels = stateful_set["spec"]["template"]["metadata"]["labels"]
    assert service["metadata"]["namespace"] == "sweeps"
    assert service["spec"]["selector"].items() <= labels.items()
    assert service["spec"]["ports"][0]["targetPort"] in {
        port["name"] for port in container(manifests, "StatefulSet")["ports"]
    }
    operator_labels = the_one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= operator_labels.items()


def test_agents_get_their_runtime_from_the_image_of_the_operator(render) -> None:
    manifests = render({"image": {"repository": "localhost/wandbsweep/operator", "tag": "dev", "pullPolicy": "Never"}})
    operator_container = container(manifests, "Deployment")
    assert operator_container["image"] == "localhost/wandbsweep/operator:dev"
    assert flag(operator_container["args"], "--runtime-image") == operator_container["image"]
    assert flag(operator_container["args"], "--runtime-image-pull-policy") == "Never"


def test_the_operator_knows_the_pod_that_its_lease_belongs_to(render) -> None:
    extra = {"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}
    told = container(render({"operator": {"extraEnv": [extra]}}), "Deployment")["env"]
    assert {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in told[:-1]} == {
        POD_NAME_VARIABLE: "metadata.name",
        POD_UID_VARIABLE: "metadata.uid",
    }
    assert told[-1] == extra


def test_the_server_reads_the_key_of_the_secret(render) -> None:
    manifests = render(SERVER)
    (volume,) = [
        each
        for each in the_one(manifests, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
        if each["name"] == "api-key"
    ]
    secret = the_one(manifests, "Secret")
    assert volume["secret"]["secretName"] == secret["metadata"]["name"] == "wandb-api-key"
    assert [item["key"] for item in volume["secret"]["items"]] == list(secret["data"]) == ["apiKey"]


def test_a_secret_of_the_users_own_is_not_made_again(render) -> None:
    assert of_kind(render({"server": {"enabled": True, "apiKey": {"existingSecret": "lab-key"}}}), "Secret") == []


@pytest.mark.parametrize(
    ("persistence", "claims", "volume"),
    [
        ({}, 1, None),
        ({"enabled": False}, 0, {"name": "data", "emptyDir": {}}),
        ({"existingClaim": "runs"}, 0, {"name": "data", "persistentVolumeClaim": {"claimName": "runs"}}),
    ],
    ids=["a claim of its own", "none", "the user's claim"],
)
def test_the_servers_data_lies_in_one_place(
    render, persistence: dict[str, Any], claims: int, volume: dict[str, Any] | None
) -> None:
    spec = the_one(render({"server": {"enabled": True, "persistence": persistence}}), "StatefulSet")["spec"]
    assert len(spec.get("volumeClaimTemplates", [])) == claims
    found = [each for each in spec["template"]["spec"]["volumes"] if each["name"] == "data"]
    assert found == ([volume] if volume else [])


@pytest.mark.parametrize("release", ["wandbsweep", "w", "r" * 53])
def test_names_fit_whatever_the_release_is_called(render, release: str) -> None:
    manifests = render(SERVER, release=release)
    assert all(len(manifest["metadata"]["name"]) <= 63 for manifest in manifests)
    # A label of the set's pods is this name, a hyphen and a revision of ten characters.
    assert len(the_one(manifests, "StatefulSet")["metadata"]["name"]) <= 52


@pytest.mark.parametrize(("kind", "command"), [("Deployment", "operator"), ("StatefulSet", "server")])
def test_every_argument_that_the_chart_gives_is_one_that_the_program_takes(render, kind: str, command: str) -> None:
    values = {**SERVER, "watchNamespaces": ["lab-a"], "wandb": {"appURL": "https://app.example.com"}}
    name, *arguments = container(render(values), kind)["args"]
    known = {option for parameter in COMMANDS[command].params for option in parameter.opts}
    assert name == command
    assert {argument.partition("=")[0] for argument in arguments} <= known
