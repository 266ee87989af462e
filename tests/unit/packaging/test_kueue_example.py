"""examples/kueue fits together: the sweep names the queue and the priority that stand beside it."""

from __future__ import annotations

from pathlib import Path

import yaml

from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.pool.queueing import job_labels

FOLDER = Path(__file__).resolve().parents[3] / "examples/kueue"


def test_the_sweep_of_the_example_joins_the_queue_beside_it_and_is_larger_than_its_quota():
    sweep = yaml.safe_load((FOLDER / "sweep.yaml").read_text())
    queues = {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "queues.yaml").read_text())}
    spec = WandbSweepSpec.model_validate(sweep["spec"])

    labels = job_labels(spec.template, sweep["metadata"]["labels"])

    assert labels["kueue.x-k8s.io/queue-name"] == queues["LocalQueue"]["metadata"]["name"]
    assert labels["kueue.x-k8s.io/priority-class"] == queues["WorkloadPriorityClass"]["metadata"]["name"]
    assert queues["LocalQueue"]["spec"]["clusterQueue"] == queues["ClusterQueue"]["metadata"]["name"]
    (group,) = queues["ClusterQueue"]["spec"]["resourceGroups"]
    (flavor,) = group["flavors"]
    quota = {resource["name"]: resource["nominalQuota"] for resource in flavor["resources"]}
    assert flavor["name"] == queues["ResourceFlavor"]["metadata"]["name"]
    assert list(quota) == group["coveredResources"]
    assert spec.agent_count > quota["nvidia.com/gpu"]
