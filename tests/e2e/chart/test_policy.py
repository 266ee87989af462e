"""The bounds of WandbSweeps as the chart renders them; what the API server makes of them is tested on a real one."""

from charts import container, of_kind, the_one

ALL = {
    "policy": {
        "enabled": True,
        "allowedImages": ["nvcr.io/nvidia/", "registry.lab/o'neil/"],
        "allowedServiceAccounts": ["default", "trainer"],
        "allowedBaseURLs": ["https://api.wandb.ai"],
        "maxAgents": 8,
        "maxGPUs": 16,
    }
}


def policies(manifests):
    return {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "ValidatingAdmissionPolicy")}


def expressions(policy):
    return [each["expression"] for each in policy["validations"]]


def test_without_being_asked_for_there_is_none(render) -> None:
    assert policies(render({})) == {}
    assert of_kind(render({}), "ValidatingAdmissionPolicyBinding") == []


def test_each_policy_is_bound_and_denies(render) -> None:
    manifests = render(ALL)
    bindings = [each["spec"] for each in of_kind(manifests, "ValidatingAdmissionPolicyBinding")]
    assert {each["policyName"] for each in bindings} == set(policies(manifests)) == {"wandbsweep", "wandbsweep-scale"}
    assert all(each["validationActions"] == ["Deny"] and "matchResources" not in each for each in bindings)
    assert all(each["failurePolicy"] == "Fail" for each in policies(manifests).values())


def test_sweeps_are_looked_at_when_they_are_made_and_when_their_spec_changes(render) -> None:
    policy = policies(render(ALL))["wandbsweep"]
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["wandbsweeps"], ["CREATE", "UPDATE"])
    (condition,) = policy["matchConditions"]
    assert condition["expression"] == "request.operation == 'CREATE' || object.spec != oldObject.spec"


def test_every_bound_that_is_set_is_a_rule_with_words(render) -> None:
    rules = policies(render(ALL))["wandbsweep"]["validations"]
    assert all(each["message"] and each["reason"] == "Forbidden" for each in rules)
    text = "\n".join(each["expression"] for each in rules)
    for word in (
        '["default","trainer"]',
        '"nvcr.io/nvidia/"',
        '"https://api.wandb.ai"',
        "<= 8",
        "<= 16",
        "hostPath",
        "hostNetwork",
        "privileged",
        "resourceClaims",
        "spec.isaac.cache.hostPath",
    ):
        assert word in text


def test_a_bound_that_is_not_set_is_no_rule(render) -> None:
    nothing = {"enabled": True, "allowedServiceAccounts": [], "forbidHostAccess": False, "maxAgents": 3}
    manifests = policies(render({"policy": nothing}))
    assert expressions(manifests["wandbsweep"]) == ["variables.agents <= 3"]
    assert expressions(manifests["wandbsweep-scale"]) == ["object.spec.replicas <= 3"]


def test_where_gpus_are_counted_nobody_grows_through_the_door_that_shows_no_template(render) -> None:
    scale = policies(render({"policy": {"enabled": True, "maxGPUs": 4}}))["wandbsweep-scale"]
    (rule,) = scale["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["wandbsweeps/scale"]
    assert expressions(scale) == ["false"]
    assert [each["name"] for each in scale["matchConditions"]] == ["grows"]


def test_the_policy_may_be_for_some_namespaces_and_only_warn(render) -> None:
    selector = {"matchLabels": {"lab": "robots"}}
    chosen = {"policy": {**ALL["policy"], "namespaceSelector": selector, "actions": ["Warn"]}}
    for each in of_kind(render(chosen), "ValidatingAdmissionPolicyBinding"):
        assert each["spec"]["matchResources"] == {"namespaceSelector": selector}
        assert each["spec"]["validationActions"] == ["Warn"]


def test_a_database_is_reached_by_its_secret_and_nothing_else_is(render) -> None:
    values = {
        "server": {"enabled": True, "database": {"existingSecret": "lab-database"}},
        "networkPolicy": {"enabled": True},
    }
    manifests = render(values)
    (url,) = [each for each in container(manifests, "StatefulSet")["env"] if each["name"].endswith("DATABASE_URL")]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "lab-database", "key": "url"}}
    egress = the_one(manifests, "NetworkPolicy", "wandbsweep-server")["spec"]["egress"]
    assert {port["port"] for rule in egress for port in rule["ports"]} == {53, 5432}


def test_further_entities_are_a_secret_that_is_mounted_read_only(render) -> None:
    manifests = render({"server": {"enabled": True, "entityKeys": {"existingSecret": "lab-keys"}}})
    server = container(manifests, "StatefulSet")
    assert "--keys-dir=/etc/wandbsweep-entities" in server["args"]
    (mount,) = [each for each in server["volumeMounts"] if each["name"] == "entity-keys"]
    assert mount["readOnly"] is True
    volumes = the_one(manifests, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "entity-keys", "secret": {"secretName": "lab-keys"}} in volumes
