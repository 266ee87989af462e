"""The names by which the operator marks what it owns: the API group, label keys, the finalizer, annotations.

They are API: people write them into selectors and dashboards, so a change here is a breaking change.
"""

from __future__ import annotations

from typing import Final

GROUP: Final = "wandbsweep.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "WandbSweep"
PLURAL: Final = "wandbsweeps"
SINGULAR: Final = "wandbsweep"
SHORT_NAME: Final = "wsweep"
CATEGORY: Final = "wandb"

SWEEP_LABEL: Final = "wandbsweep.dev/sweep"
"""Name of the WandbSweep. The operator writes it on its Jobs and their pods; `status.selector` reads it."""

SLOT_LABEL: Final = "wandbsweep.dev/slot"
"""Slot of the pool, a number from 0; a new agent takes the lowest that is free. Written on agent Jobs and their pods;
the operator reads it back."""

ATTEMPT_LABEL: Final = "wandbsweep.dev/attempt"
"""How many agents the slot has had before, from 0. Written on agent Jobs and their pods; the operator reads it."""

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
"""Written on everything the operator creates, with the value MANAGED_BY; the operator watches only what carries it."""

MANAGED_BY: Final = "wandbsweep"

COMPONENT_LABEL: Final = "app.kubernetes.io/component"
"""Written on Jobs and their pods: AGENT_COMPONENT, SEARCH_COMPONENT or WARM_UP_COMPONENT."""

AGENT_COMPONENT: Final = "agent"

SEARCH_COMPONENT: Final = "search"
"""The value of COMPONENT_LABEL on search Jobs and their pods. The operator tells them from agents by it."""

WARM_UP_COMPONENT: Final = "warm-up"
"""The value of COMPONENT_LABEL on Jobs that fill the caches of Isaac Sim, and on their pods."""

AGENT_COUNT_ANNOTATION: Final = "wandbsweep.dev/agent-count"
"""Written by the operator on the pod of a search: how many agents the pool has, and so how many runs are to be in
flight. The search reads it from a downward-API file."""

FINALIZER: Final = "wandbsweep.dev/cleanup"
"""Held on a WandbSweep until its sweep on W&B has been treated as `deletionPolicy` says."""

SWEEP_INTENT_ANNOTATION: Final = "wandbsweep.dev/sweep-intent"
"""The object's UID, the time, and the token of the definition, written before the sweep is created on W&B. While the
token is not in `status.sweepDigest` a sweep may exist already: the operator looks for the marker on W&B before it
creates one. Absent: none was asked for."""

LEAVE_ANNOTATION: Final = "wandbsweep.dev/leave"
"""Written by the operator on an agent's pod, with the value LEAVE_AFTER_RUN; the agent reads it from a downward-API
file and ends after its current run, or at once when it has none."""

LEAVE_AFTER_RUN: Final = "after-run"

TEMPLATE_DIGEST_ANNOTATION: Final = "wandbsweep.dev/template-digest"
"""Digest of what an agent Job was made from (template, trial, checkpoint, runsPerAgent). The operator writes it on Jobs
and compares it with the object's: agents of an older template are replaced one by one, after their current run."""

SWEEP_PATH_ANNOTATION: Final = "wandbsweep.dev/sweep-path"
"""entity/project/id of the sweep that an agent Job works on; the object may have got another one since."""

AVOIDED_NODES_ANNOTATION: Final = "wandbsweep.dev/avoided-nodes"
"""Names of the nodes that an agent Job's pods must not run on, with spaces between them. The operator writes it on Jobs
and replaces a pod that waits for a node once these may be used again. Absent: none."""

OPERATOR: Final = "wandbsweep.dev/operator"
"""The value of spec.managedBy that means this operator."""

UID_MARKER: Final = "wandbsweep.dev/uid"
"""Key of the last line in a sweep's description on W&B, `wandbsweep.dev/uid: <uid>/<token>`: whose sweep it is, and
of which definition."""
