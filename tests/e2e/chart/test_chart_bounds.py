"""Disruption budgets, network policies, the rights of users, and `helm test`."""

from charts import container, of_kind, rules, the_one

POLICIES = {"networkPolicy": {"enabled": True}, "server": {"enabled": True}}


def test_a_single_operator_does_not_keep_its_node_from_being_drained(render) -> None:
    assert of_kind(render({}), "PodDisruptionBudget") == []


def test_of_two_operators_one_stays(render) -> None:
    manifests = render({"operator": {"replicas": 2}})
    budget = the_one(manifests, "PodDisruptionBudget")["spec"]
    labels = the_one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_policies_select_the_pods_that_they_are_for(render) -> None:
    manifests = render(POLICIES)
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(manifests, "NetworkPolicy")}
    for name, kind in {"wandbsweep": "Deployment", "wandbsweep-server": "StatefulSet"}.items():
        labels = the_one(manifests, kind)["spec"]["template"]["metadata"]["labels"]
        assert policies[name]["podSelector"]["matchLabels"].items() <= labels.items()
        assert policies[name]["policyTypes"] == ["Ingress", "Egress"]
        ports = {port["name"] for port in container(manifests, kind)["ports"]}
        assert {port["port"] for rule in policies[name]["ingress"] for port in rule["ports"]} <= ports


def test_the_operator_may_reach_names_the_api_server_and_wandb(render) -> None:
    policy = the_one(render(POLICIES), "NetworkPolicy", "wandbsweep")
    ports = {(port["port"], port.get("protocol", "TCP")) for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert {(53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP"), ("http", "TCP")} <= ports


def test_the_server_calls_nobody(render) -> None:
    assert the_one(render(POLICIES), "NetworkPolicy", "wandbsweep-server")["spec"]["egress"] == []


def test_no_server_no_policy_for_it(render) -> None:
    assert len(of_kind(render({"networkPolicy": {"enabled": True}}), "NetworkPolicy")) == 1


def test_whoever_may_edit_a_namespace_may_edit_its_sweeps_and_not_their_status(render) -> None:
    editor, viewer = (the_one(render({}), "ClusterRole", f"wandbsweep-{who}") for who in ("editor", "viewer"))
    assert editor["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] == "true"
    assert viewer["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert {verb for _, resource, verb in rules(editor) if resource == "wandbsweeps/status"} == {"get"}
    assert {verb for *_, verb in rules(viewer)} == {"get", "list", "watch"}
    assert {group for group, *_ in rules(editor) | rules(viewer)} == {"wandbsweep.dev"}


def test_helm_test_asks_what_was_installed(render) -> None:
    both = the_one(render({"server": {"enabled": True}}), "Pod")
    assert both["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert both["spec"]["containers"][0]["args"] == [
        "http://wandbsweep-metrics.sweeps.svc:8080/metrics",
        "http://wandbsweep-server.sweeps.svc:8080/healthz",
    ]
    assert len(the_one(render({}), "Pod")["spec"]["containers"][0]["args"]) == 1
