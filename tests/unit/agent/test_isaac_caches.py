"""Caches of Isaac Sim are filled once for each image, driver and GPU, and every other pod begins with them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from waiting import until
from wandbsweep.agent.gpu import Gpu
from wandbsweep.agent.isaac_caches import State, warm
from wandbsweep.agent.isaac_settings import FOLDERS, CacheSettings
from wandbsweep.agent.isaac_shelf import Shelf
from wandbsweep.agent.settings import BadEnvironmentError

GPU = Gpu("NVIDIA L40S", "580.65.06")
ENV = {"PATH": os.defpath}


@pytest.fixture
def volume(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


class Pod:
    """A container of its own, with one cache folder."""

    def __init__(self, volume, home, code="", *, seconds=20, image="isaac-lab:2.3.0"):
        self.cache = home / "cache"
        fill = f"import os, pathlib, time; cache = pathlib.Path({str(self.cache)!r}); "
        fill += "cache.mkdir(parents=True, exist_ok=True); (cache / 'shader').write_text(str(os.getpid())); " + code
        self.settings = CacheSettings(volume, image, (self.cache,), (sys.executable, "-c", fill), seconds)
        self.stop = threading.Event()

    def warm(self, gpu=GPU, *, insist=False):
        return warm(self.settings, gpu, ENV, self.stop, insist=insist)

    def shader(self):
        return (self.cache / "shader").read_text()


def test_the_first_pod_fills_them_and_the_next_begins_with_them(volume, tmp_path):
    first, second = Pod(volume, tmp_path / "1"), Pod(volume, tmp_path / "2", "raise SystemExit(9)")

    assert first.warm().state is State.WARMED
    assert second.warm().state is State.RESTORED
    assert second.shader() == first.shader()


@pytest.mark.parametrize("other", [Gpu("NVIDIA L4", GPU.driver), Gpu(GPU.product, "575.57.08"), Gpu()])
def test_another_gpu_or_driver_has_caches_of_its_own(volume, tmp_path, other):
    Pod(volume, tmp_path / "1").warm()

    assert Pod(volume, tmp_path / "2").warm(other).state is State.WARMED
    assert len(list(volume.iterdir())) == 2


def test_so_has_another_image(volume, tmp_path):
    Pod(volume, tmp_path / "1").warm()

    assert Pod(volume, tmp_path / "2", image="isaac-lab:3.0.0").warm().state is State.WARMED


def test_what_they_are_for_can_be_read_in_the_folders_name(volume, tmp_path):
    Pod(volume, tmp_path, image="nvcr.io/nvidia/isaac-lab:2.3.0").warm()

    (folder,) = volume.iterdir()
    assert folder.name.startswith("nvcr.io-nvidia-isaac-lab-2.3.0_580.65.06_NVIDIA-L40S_")


def test_of_many_pods_at_once_one_fills_them(volume, tmp_path):
    pods = [Pod(volume, tmp_path / str(number), "time.sleep(0.5)", seconds=3) for number in range(6)]

    with ThreadPoolExecutor(6) as threads:
        states = [each.state for each in threads.map(Pod.warm, pods)]

    assert sorted(state.value for state in states) == ["restored"] * 5 + ["warmed"]
    assert len({pod.shader() for pod in pods}) == 1


def test_a_pod_waits_no_longer_for_another_than_it_may(volume, tmp_path):
    pod = Pod(volume, tmp_path, seconds=1)
    with Shelf(volume / pod.settings.key(GPU)).marked() as taken:
        assert taken
        warmth = pod.warm()

    assert warmth.state is State.FAILED
    assert warmth.message.endswith("takes too long.")


def test_a_pod_that_died_over_it_holds_up_nobody(volume, tmp_path):
    pod = Pod(volume, tmp_path)
    shelf = volume / pod.settings.key(GPU)
    (shelf / "warming").mkdir(parents=True)
    (shelf / "seed.of-the-dead").mkdir()
    long_ago = time.time() - 600
    os.utime(shelf / "warming", (long_ago, long_ago))

    assert pod.warm().state is State.WARMED
    assert sorted(path.name for path in shelf.iterdir()) == ["seed"]


@pytest.mark.parametrize(
    ("code", "seconds", "words"),
    [("raise SystemExit(3)", 20, "ended with code 3"), ("time.sleep(60)", 1, "took more than 1 s")],
)
def test_a_warm_up_that_fails_is_told_and_tried_again_only_by_one_that_insists(volume, tmp_path, code, seconds, words):
    warmth = Pod(volume, tmp_path / "1", code, seconds=seconds).warm()
    assert (warmth.state, warmth.state.is_warm) == (State.FAILED, False)
    assert words in warmth.message

    assert Pod(volume, tmp_path / "2").warm().message.endswith("failed.")
    assert Pod(volume, tmp_path / "3").warm(insist=True).state is State.WARMED
    assert Pod(volume, tmp_path / "4").warm().state is State.RESTORED


def test_a_command_that_is_not_there_is_told(volume, tmp_path):
    pod = Pod(volume, tmp_path)
    pod.settings = replace(pod.settings, command=("/isaac-sim/python.sh",))

    assert "could not be started: /isaac-sim/python.sh: No such file or directory" in pod.warm().message


def test_whoever_is_asked_to_end_ends_the_command_and_leaves_no_mark(volume, tmp_path):
    pod = Pod(volume, tmp_path, "time.sleep(60)")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(pod.warm)
        child = int(until(lambda: (pod.cache / "shader").exists() and pod.shader(), "the command has begun"))
        pod.stop.set()
        assert answer.result(timeout=20).state is State.STOPPED

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    (shelf,) = volume.iterdir()
    assert list(shelf.iterdir()) == []


def test_a_pool_that_wants_no_warm_up_uses_what_others_filled(volume, tmp_path):
    assert Pod(volume, tmp_path / "1", seconds=0).warm().state is State.FAILED
    Pod(volume, tmp_path / "2").warm()

    assert Pod(volume, tmp_path / "3", seconds=0).warm().state is State.RESTORED


def test_a_volume_that_cannot_be_used_is_told_with_its_place(tmp_path):
    (tmp_path / "volume").write_text("a file")

    warmth = Pod(tmp_path / "volume", tmp_path).warm()

    assert warmth.state is State.UNUSABLE
    assert str(tmp_path / "volume") in warmth.message


def test_a_folder_that_cannot_be_written_is_told_and_the_others_are_filled(volume, tmp_path):
    Pod(volume, tmp_path / "1").warm()
    pod = Pod(volume, tmp_path / "2")
    pod.cache.parent.mkdir()
    pod.cache.write_text("a file")

    warmth = pod.warm()

    assert warmth.state is State.UNUSABLE
    assert str(pod.cache) in warmth.message


def test_links_and_times_are_kept_and_sockets_are_not(volume, tmp_path):
    code = (
        "(cache / 'deep').mkdir(); (cache / 'deep/file').write_text('x'); os.utime(cache / 'deep/file', (5, 5)); "
        "(cache / 'link').symlink_to('deep/file'); os.mkfifo(cache / 'pipe')"
    )
    Pod(volume, tmp_path / "1", code).warm()
    pod = Pod(volume, tmp_path / "2")
    pod.warm()

    assert sorted(path.name for path in pod.cache.iterdir()) == ["deep", "link", "shader"]
    assert (pod.cache / "link").readlink() == Path("deep/file")
    assert (pod.cache / "deep/file").stat().st_mtime == 5


def test_what_the_operator_tells_is_read():
    told = {
        "WANDBSWEEP_ISAAC_CACHE": "/cache",
        "WANDBSWEEP_IMAGE": "isaac-lab:2.3.0",
        "WANDBSWEEP_ISAAC_CACHE_FOLDERS": json.dumps(["/a", "~/b"]),
        "WANDBSWEEP_WARM_UP": json.dumps(["train", "--once"]),
        "WANDBSWEEP_WARM_UP_SECONDS": "60",
    }

    assert CacheSettings.from_environ(told, "/root") == CacheSettings(
        Path("/cache"), "isaac-lab:2.3.0", (Path("/a"), Path("/root/b")), ("train", "--once"), 60
    )


def test_without_more_isaac_sim_is_started_and_its_usual_folders_are_kept():
    settings = CacheSettings.from_environ({"WANDBSWEEP_ISAAC_CACHE": "/cache"}, "/isaac-sim")

    assert settings is not None
    assert "SimulationApp" in settings.command[-1]
    assert len(settings.folders) == len(FOLDERS)
    assert Path("/isaac-sim/.cache/ov") in settings.folders
    assert settings.seconds == 1800


def test_without_a_volume_there_is_nothing_to_do():
    assert CacheSettings.from_environ({}, "/root") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDBSWEEP_WARM_UP", "train --once"),
        ("WANDBSWEEP_WARM_UP", "[1]"),
        ("WANDBSWEEP_ISAAC_CACHE_FOLDERS", '{"a": 1}'),
        ("WANDBSWEEP_WARM_UP_SECONDS", "soon"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(name, value):
    with pytest.raises(BadEnvironmentError, match=name):
        CacheSettings.from_environ({"WANDBSWEEP_ISAAC_CACHE": "/cache", name: value}, "/root")
