"""Kills for memory are counted where the kernel counts them, in both versions of cgroups."""

from __future__ import annotations

import pytest

from wandbsweep.agent.memory import oom_kills

EVENTS = "low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"
POD = "kubepods/burstable/pod1/abc"


@pytest.fixture
def machine(tmp_path):
    """A machine's cgroup files, and of which cgroup this process is."""

    def make(membership, **files):
        mount = tmp_path / "cgroup"
        for name, text in files.items():
            path = mount / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        own = tmp_path / "membership"
        own.write_text(membership)
        return mount, own

    return make


def test_in_a_container_with_a_cgroup_namespace(machine):
    assert oom_kills(*machine("0::/\n", **{"memory.events": EVENTS})) == 3


def test_on_a_workstation_it_is_the_count_of_the_own_cgroup(machine):
    assert oom_kills(*machine(f"0::/{POD}\n", **{f"{POD}/memory.events": EVENTS})) == 3


def test_version_1_of_cgroups(machine):
    rows = f"5:cpu,cpuacct:/{POD}\n3:memory:/{POD}\n"
    assert oom_kills(*machine(rows, **{f"memory/{POD}/memory.oom_control": CONTROL})) == 4


def test_version_1_of_cgroups_in_a_container_that_sees_the_path_of_its_node(machine):
    assert oom_kills(*machine(f"3:memory:/{POD}\n0::/\n", **{"memory/memory.oom_control": CONTROL})) == 4


@pytest.mark.parametrize("text", ["", "oom_kill many\n", "nothing of use\n"])
def test_what_cannot_be_read_counts_nothing(machine, text):
    assert oom_kills(*machine("0::/\n", **{"memory.events": text})) == 0


def test_a_machine_without_cgroups_counts_nothing(tmp_path):
    assert oom_kills(tmp_path / "none", tmp_path / "none") == 0
