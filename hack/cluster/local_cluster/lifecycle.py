"""Up, down and the state of clusters: the same steps whatever runs them, under the lock of the cluster's name."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

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
        if folder.path.exists():
            progress.say(f"clear away what is left of an earlier {folder.name}")
            _clear(folder, providers)
        return _start(folder, provider, request, progress)


def _start(folder: Folder, provider: Provider, request: Request, progress: Progress) -> Record:
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
        if not folder.path.exists():
            progress.say(f"there is no cluster {folder.name}")
            return
        progress.say(f"remove {folder.name}")
        _clear(folder, providers)
        progress.say(f"{folder.name} is gone")


def _clear(folder: Folder, providers: Providers) -> None:
    record = folder.read()
    # Killed before its first line was written, it has at most processes, which any provider finds.
    providers(record.kind if record is not None else Kind.CONTROL_PLANE).clear(folder)
    shutil.rmtree(folder.path)


def state(folder: Folder, providers: Providers) -> str:
    """One word on a cluster that has a folder."""
    record = folder.read()
    if record is None or not record.complete:
        return "incomplete"
    return "healthy" if providers(record.kind).is_healthy(folder, record) else "broken"
