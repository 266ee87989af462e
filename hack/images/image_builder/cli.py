"""The command line: build, path, reference, context, clean. Progress goes to stderr, results to stdout."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from image_builder.base_image import ensure_base
from image_builder.bill_of_materials import FILE_NAME
from image_builder.cache import archive_path, cache_folder, drop_old_archives, exclusive, list_of_packages
from image_builder.catalogue import IMAGES, Image
from image_builder.contexts import make_context
from image_builder.engines import ENGINES, choose_engine
from image_builder.failures import BuildError
from image_builder.fingerprint import fingerprint
from image_builder.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str]) -> int:
    """Run one command; a failed step is told without a traceback."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(IMAGES):
        parser.error(f"no image named {', '.join(sorted(unknown))}; there are {', '.join(IMAGES)}")
    images = [IMAGES[name] for name in options.names or IMAGES]
    try:
        if options.command == "build":
            how = _How(options.engine, rebuild=options.rebuild or options.no_cache, from_cache=not options.no_cache)
            _build(images, options.output, how)
        elif options.command == "path":
            for image in images:
                print(archive_path(cache_folder(), image, fingerprint(image, ROOT)))
        elif options.command == "reference":
            for image in images:
                print(image.reference)
        elif options.command == "context":
            _contexts(images, options.output)
        else:
            _clean()
    except BuildError as error:
        print(error.report(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run the command again, it goes on where it was", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python hack/images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("names", nargs="*", metavar="NAME", help="default: all images")
        return added

    build = command("build", "Build the images whose inputs changed; prints `name reference archive` for each.")
    build.add_argument("--output", type=Path, help="folder for the archives (default: the user's cache)")
    build.add_argument("--engine", choices=ENGINES, help="default: the first of these that works")
    build.add_argument("--rebuild", action="store_true", help="build although the inputs did not change")
    build.add_argument("--no-cache", action="store_true", help="rebuild, and take no layer of an earlier build")
    command("path", "Print where the archive of each image is once it is built from the files as they are now.")
    command("reference", "Print the name and tag inside each archive.")
    context = command("context", "Write the build context of each image, for a builder of your own.")
    context.add_argument("--output", type=Path, required=True, help="a folder is made in it for each image")
    clean = command("clean", "Remove the archives, the wheels and the storage of buildah from the user's cache.")
    clean.set_defaults(names=[])
    return parser


@dataclass(frozen=True)
class _How:
    """What the options of `build` ask for."""

    engine: str | None
    rebuild: bool
    from_cache: bool


def _build(images: Sequence[Image], output: Path | None, how: _How) -> None:
    cache = cache_folder()
    folder = (output or cache).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    steps = Steps(log=cache / "logs" / time.strftime("build-%Y%m%d-%H%M%S.log"))
    with exclusive(cache, steps.say):
        for image in images:
            archive = archive_path(folder, image, fingerprint(image, ROOT))
            if archive.exists() and not how.rebuild:
                archive.touch()
                steps.say(f"{image.name}: nothing changed")
            else:
                _build_one(image, archive, how, cache, steps)
            print(image.name, image.reference, archive, flush=True)


def _build_one(image: Image, archive: Path, how: _How, cache: Path, steps: Steps) -> None:
    engine = choose_engine(how.engine, cache, steps)
    base = ensure_base(engine, cache, steps)
    context = cache / "contexts" / image.name
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    try:
        make_context(image, root=ROOT, cache=cache, folder=context, steps=steps)
        engine.build(context, image.reference, {"BASE_IMAGE": base}, steps, from_cache=how.from_cache)
        engine.save(image.reference, partial, steps)
        shutil.copy(context / FILE_NAME, list_of_packages(archive))
    finally:
        shutil.rmtree(context, ignore_errors=True)
    partial.rename(archive)
    drop_old_archives(archive.parent, image)
    steps.say(f"{image.name}: done, {archive.stat().st_size // 2**20} MiB")


def _contexts(images: Sequence[Image], output: Path) -> None:
    cache = cache_folder()
    steps = Steps(log=cache / "logs" / time.strftime("context-%Y%m%d-%H%M%S.log"))
    with exclusive(cache, steps.say):
        for image in images:
            make_context(image, root=ROOT, cache=cache, folder=output / image.name, steps=steps)
            print(output / image.name)


def _clean() -> None:
    cache = cache_folder()
    for point in sorted(_mounts_under(cache), reverse=True):
        subprocess.run(["umount", point], check=True)
    shutil.rmtree(cache, ignore_errors=True)


def _mounts_under(folder: Path) -> list[str]:
    """What buildah's storage has mounted; its overlay folder is mounted on itself."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in mounts if Path(point).is_relative_to(folder)]
