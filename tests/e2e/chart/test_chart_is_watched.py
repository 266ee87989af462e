"""What the chart tells Prometheus and Grafana: of metrics that the operator has, and of the pods that have them."""

import json
import re
from typing import Any

from prometheus_client import generate_latest

from charts import the_one
from wandbsweep.controller.metrics import Metrics

WATCHED = {
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
    }
}


def known_metrics() -> set[str]:
    names = set()
    for line in generate_latest(Metrics().registry).decode().splitlines():
        if match := re.match(r"# TYPE (\S+) (\S+)", line):
            name, kind = match.groups()
            names |= {name, *({f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else ())}
    return names


def named_metrics(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in re.findall(r"\bwandbsweep_\w+", expression)}


def test_alerts_are_about_metrics_that_the_operator_has(render) -> None:
    groups = the_one(render(WATCHED), "PrometheusRule")["spec"]["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    named = named_metrics([rule["expr"] for rule in alerts])
    assert named
    assert named <= known_metrics()
    for alert in alerts:
        assert alert["annotations"]["summary"]
        assert alert["for"]
        assert alert["labels"]["severity"]


def test_the_dashboard_shows_each_metric_that_the_operator_has(render) -> None:
    config_map = the_one(render(WATCHED), "ConfigMap", "wandbsweep-dashboard")
    dashboard: dict[str, Any] = json.loads(config_map["data"]["wandbsweep.json"])
    named = named_metrics([target["expr"] for panel in dashboard["panels"] for target in panel["targets"]])
    suffix = re.compile("_(bucket|count|sum|created|total)$")
    assert named <= known_metrics()
    assert {suffix.sub("", name) for name in named} == {suffix.sub("", name) for name in known_metrics()}
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_prometheus_finds_the_service_of_the_metrics(render) -> None:
    manifests = render(WATCHED)
    monitor = the_one(manifests, "ServiceMonitor")
    service = the_one(manifests, "Service")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
