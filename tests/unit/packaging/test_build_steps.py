from pathlib import Path

import pytest

from image_builder.engines import choose_engine
from image_builder.failures import BuildError
from image_builder.steps import Steps


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(log=tmp_path / "logs" / "build.log")


def test_a_failed_step_says_what_failed_what_to_do_and_where_the_log_is(steps: Steps) -> None:
    with pytest.raises(BuildError) as failure:
        steps.run(["sh", "-c", "echo no space left; exit 3"], what="pack the base", remedy="Free some disk.")
    report = failure.value.report()
    assert "failed: pack the base (sh ended with 3)" in report
    assert "| no space left" in report
    assert "what to do: Free some disk." in report
    assert f"whole log: {steps.log}" in report


def test_a_program_that_is_missing_is_named(steps: Steps) -> None:
    with pytest.raises(BuildError, match="no-such-program is not installed"):
        steps.run(["no-such-program"], what="build", remedy="Install it.")


def test_a_step_with_a_time_limit_ends(steps: Steps) -> None:
    with pytest.raises(BuildError, match="no end after 0 s"):
        steps.run(["sleep", "60"], what="pull", remedy="Go on without.", timeout_seconds=0.3)


def test_progress_is_told_before_the_step_runs(steps: Steps, capsys: pytest.CaptureFixture[str]) -> None:
    steps.run(["true"], what="make the base", remedy="")
    assert "s] make the base" in capsys.readouterr().err


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_docker_client_without_its_engine_is_passed_over(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "podman", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose_engine(None, tmp_path / "cache", steps).name == "podman"


def test_buildah_keeps_to_a_storage_of_its_own(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "buildah", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    command = choose_engine(None, tmp_path / "cache", steps).command
    assert [part for part in command if str(tmp_path / "cache") in part] == list(command[1:3])


def test_buildah_does_without_overlay_where_the_kernel_has_none(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "buildah", 'case "$*" in *overlay*) exit 1;; esac')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "--storage-driver=vfs" in choose_engine("buildah", tmp_path / "cache", steps).command


def test_an_engine_that_was_asked_for_is_not_replaced(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "podman", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="docker does not answer"):
        choose_engine("docker", tmp_path / "cache", steps)


def test_who_is_not_root_is_told_what_to_install(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(BuildError) as failure:
        choose_engine(None, tmp_path / "cache", steps)
    assert "apt-get install --no-install-recommends buildah" in failure.value.remedy
