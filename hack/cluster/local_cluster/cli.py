"""The command line: up, down, status, kubeconfig, load, path, binaries, kueue, purge. Progress goes to stderr."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local_cluster import lifecycle
from local_cluster.binaries import Source, ensure_binaries, ensure_kueue
from local_cluster.failures import ClusterError
from local_cluster.folders import cache_folder
from local_cluster.progress import Progress
from local_cluster.provider import Request
from local_cluster.providers import ProviderChoice, chosen_kind, provider_for
from local_cluster.record import Folder, Kind, all_folders
from local_cluster.versions import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Options = argparse.Namespace


def main(arguments: Sequence[str]) -> int:
    """Run one command; a failed step is told without a traceback."""
    options = _parser().parse_args(arguments)
    command: Callable[[Options, Progress], int | None] = options.run
    try:
        return command(options, Progress()) or 0
    except ClusterError as error:
        print(error.report(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the command again, it clears away what was begun", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python hack/cluster", description="Kubernetes clusters on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[[Options, Progress], int | None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    def named(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        added.add_argument("--name", required=True, help="the cluster's name; clusters of different names do not meet")
        return added

    up = named(command("up", _up, "Start a cluster, or keep the one of this name if it is healthy."))
    up.add_argument("--gpus", type=_count, help="how many stand-in nvidia.com/gpu the node has")
    up.add_argument("--provider", type=ProviderChoice, choices=list(ProviderChoice), default=ProviderChoice.AUTO)
    up.add_argument("--control-plane-only", action="store_true", help="no node and no root: pods stay Pending")
    up.add_argument(
        "--apply", type=Path, action="append", default=[], metavar="FILE", help="applied before the controllers start"
    )
    named(command("down", _down, "Remove a cluster and all that belongs to it."))
    command("status", _status, "List the clusters of this tool.")
    named(command("kubeconfig", _kubeconfig, "Print the path of a cluster's kubeconfig."))
    named(command("host-address", _host_address, "Print the address of this machine as pods of the cluster see it."))
    load = named(command("load", _load, "Put the images of archives on a cluster's node."))
    load.add_argument("archives", nargs="+", type=Path, metavar="TARBALL")
    path = command("path", _path, "Print where one of the programs is, after making it if need be.")
    path.add_argument("program", choices=PROGRAMS)
    binaries = command("binaries", _binaries, "Find or make the programs; prints their folder.")
    binaries.add_argument("--source", type=Source, choices=list(Source), default=Source.AUTO)
    command("kueue", _kueue, "Build Kueue's manager, for tests with queues; prints its folder.")
    command("purge", _purge, "Remove the programs from the cache.")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of GPUs: use 0 or more")
    return int(text)


def _up(options: Options, progress: Progress) -> None:
    folder = Folder.of(options.name)
    for manifest in options.apply:
        if not manifest.exists():
            raise ClusterError(f"--apply {manifest}: there is no such file", remedy="Check the path.")
    kind = chosen_kind(options.provider, control_plane_only=options.control_plane_only)
    binaries = ensure_binaries(progress)
    request = Request(gpus=options.gpus, manifests=options.apply)
    lifecycle.up(folder, kind, lambda each: provider_for(each, binaries), request, progress)


def _down(options: Options, progress: Progress) -> None:
    lifecycle.down(Folder.of(options.name), provider_for, progress)


def _status(_options: Options, _progress: Progress) -> None:
    rows = [("NAME", "KIND", "STATE", "GPUS", "KUBECONFIG")]
    for folder in all_folders():
        record = folder.read()
        kind = str(record.kind) if record is not None else "?"
        gpus = str(record.gpus) if record is not None else "?"
        rows.append((folder.name, kind, lifecycle.state(folder, provider_for), gpus, str(folder.kubeconfig)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _kubeconfig(options: Options, _progress: Progress) -> None:
    print(_existing(options.name).kubeconfig)


def _host_address(options: Options, _progress: Progress) -> None:
    folder = _existing(options.name)
    if (record := folder.read()) is not None:
        print(provider_for(record.kind).host_address(folder, record))


def _load(options: Options, progress: Progress) -> None:
    folder = _existing(options.name)
    record = folder.read()
    provider = provider_for(record.kind if record is not None else Kind.ONE_NODE)
    for archive in options.archives:
        if not archive.is_file():
            raise ClusterError(
                f"there is no image archive {archive}", remedy="Build the image first, or check the path."
            )
        progress.say(f"load {archive.name} into {folder.name}")
        provider.load(folder, archive.resolve())


def _existing(name: str) -> Folder:
    folder = Folder.of(name)
    if not folder.kubeconfig.exists():
        raise ClusterError(f"there is no cluster {name}", remedy=f"Start it: `python hack/cluster up --name {name}`.")
    return folder


def _path(options: Options, progress: Progress) -> None:
    print(ensure_binaries(progress) / options.program)


def _binaries(options: Options, progress: Progress) -> None:
    print(ensure_binaries(progress, options.source))


def _kueue(_options: Options, progress: Progress) -> None:
    print(ensure_kueue(progress))


def _purge(_options: Options, progress: Progress) -> None:
    if names := [folder.name for folder in all_folders()]:
        raise ClusterError(
            f"clusters still use the programs: {', '.join(names)}",
            remedy="Remove them first with `down --name NAME`.",
        )
    shutil.rmtree(cache_folder(), ignore_errors=True)
    progress.say(f"removed {cache_folder()}")
