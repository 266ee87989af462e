"""Up, down and the state of clusters: the same steps whatever runs them, under the lock of the cluster's name."""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import TYPE_CHECKING

from local_cluster import processes
from local_cluster.failures import ClusterError
from local_cluster.folders import locked
from local_cluster.record import Kind, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_cluster.progress import Progress
    from local_cluster.provider import Provider, Request
    from local_cluster.record import Folder

    Providers = Callable[[Kind], Provider]


def up(folder: Folder, kind: Kind, providers: Providers, request: Request, progress: Progress) -> Record:
    """Keep a healthy cluster; otherwise remove what is left of it and start a new one."""
    with locked(folder.lock):
        provider = providers(kind)
        record = folder.read()
        if record is not None and record.kind is not kind and record.complete:
            raise ClusterError(
                f"{folder.name} is a {record.kind} cluster, asked for was a {kind} cluster",
                remedy=f"Remove it first (`down --name {folder.name}`), or use another name.",
            )
        if record is not None and record.complete and provider.is_healthy(folder, record):
            record = provider.adjust(folder, record, request)
            folder.write(record)
            progress.say(f"{folder.name} is up already")
            return record
        if folder.path.exists() or processes.members(folder.path):
            progress.say(f"clear away what is left of an earlier {folder.name}")
            _clear(folder, providers)
        return _start(folder, provider, request, progress)


def _start(folder: Folder, provider: Provider, request: Request, progress: Progress) -> Record:
    provider.require(progress)
    folder.path.mkdir(parents=True, mode=0o755)
    folder.write(Record(provider.kind))  # so that whoever finds it half started knows what to clear
    try:
        record = dataclasses.replace(provider.start(folder, request, progress), complete=True)
    except BaseException:
        provider.clear(folder)  # the folder stays: its logs tell why
        raise
    folder.write(record)
    progress.say(f"{folder.name} is ready: export KUBECONFIG={folder.kubeconfig}")
    return record


def down(folder: Folder, providers: Providers, progress: Progress) -> None:
    """Remove the cluster and all that belongs to it; one that is not there is removed already."""
    with locked(folder.lock):
        if not folder.path.exists() and not processes.members(folder.path):
            progress.say(f"there is no cluster {folder.name}")
            return
        progress.say(f"remove {folder.name}")
        _clear(folder, providers)
        progress.say(f"{folder.name} is gone")


def _clear(folder: Folder, providers: Providers) -> None:
    record = folder.read()
    # Without a record (a run killed in its first moment, a folder removed by hand) the mark of the processes must do.
    unknown = Kind.ONE_NODE if os.geteuid() == 0 else Kind.CONTROL_PLANE
    providers(record.kind if record is not None else unknown).clear(folder)
    shutil.rmtree(folder.path, ignore_errors=not folder.path.exists())


def state(folder: Folder, providers: Providers) -> str:
    """One word on a cluster that has a folder."""
    record = folder.read()
    if record is None or not record.complete:
        return "incomplete"
    return "healthy" if providers(record.kind).is_healthy(folder, record) else "broken"
