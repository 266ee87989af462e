"""The runs of the demo's sweep as a table, read from the embedded server as any client of W&B would."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from demo.steps import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUERY = """
query Runs($entity: String!, $project: String!, $filters: JSONString!) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: "+created_at", first: 1000) {
      edges { node { name displayName state config summaryMetrics } }
    }
  }
}
"""


@contextmanager
def forwarded(kubectl: list[str], namespace: str, service: str) -> Iterator[str]:
    """The address of a Service on this machine, while the context lasts."""
    command = [*kubectl, "-n", namespace, "port-forward", f"service/{service}", ":8080"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        match = re.search(r"127\.0\.0\.1:(\d+)", first := process.stdout.readline())
        if not match:
            raise StepFailed(f"the embedded server cannot be reached: {first.strip()}")
        yield f"http://127.0.0.1:{match[1]}"
    finally:
        process.terminate()
        process.wait()


def read_runs(url: str, api_key: str, path: str) -> list[dict[str, Any]]:
    """All runs of the sweep `entity/project/id`, oldest first."""
    entity, project, sweep = path.split("/")
    variables = {"entity": entity, "project": project, "filters": json.dumps({"sweep": sweep})}
    token = base64.b64encode(f"api:{api_key}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - http to this machine
        f"{url}/graphql",
        data=json.dumps({"query": _QUERY, "variables": variables}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Basic {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        edges = json.load(answer)["data"]["project"]["runs"]["edges"]
    return [edge["node"] for edge in edges]


def table(runs: list[dict[str, Any]], metric: str, parameters: list[str], best: str | None) -> str:
    """The runs, one a line; the best is marked."""
    rows = [["", "run", "state", metric, *parameters]]
    for run in runs:
        summary, config = json.loads(run["summaryMetrics"] or "{}"), json.loads(run["config"] or "{}")
        values = [_short(config.get(name, {}).get("value")) for name in parameters]
        marked = "*" if run["name"] == best else ""
        rows.append([marked, run["displayName"] or run["name"], run["state"], _short(summary.get(metric)), *values])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "   " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
