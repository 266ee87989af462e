import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def images(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "hack/images", *arguments],
        cwd=ROOT,
        env={"XDG_CACHE_HOME": str(cache), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_path_of_an_archive_is_known_before_it_is_built(tmp_path: Path) -> None:
    done = images("path", "operator", cache=tmp_path)
    path = Path(done.stdout.strip())
    assert done.returncode == 0
    assert path.parent == tmp_path / "wandbsweep" / "images"
    assert path.name.startswith("operator-")


def test_a_finished_image_is_not_built_again(tmp_path: Path) -> None:
    archive = Path(images("path", "operator", cache=tmp_path).stdout.strip())
    archive.parent.mkdir(parents=True)
    archive.touch()
    done = images("build", "operator", cache=tmp_path)
    assert done.stdout.split() == ["operator", "localhost/wandbsweep/operator:dev", str(archive)]
    assert "nothing changed" in done.stderr


def test_an_unknown_image_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    done = images("build", "operatr", cache=tmp_path)
    assert done.returncode == 2
    assert "no image named operatr; there are operator, agent-runtime, trainer-cpu" in done.stderr


def test_clean_removes_what_the_builder_keeps(tmp_path: Path) -> None:
    (tmp_path / "wandbsweep/images/wheels").mkdir(parents=True)
    assert images("clean", cache=tmp_path).returncode == 0
    assert not (tmp_path / "wandbsweep/images").exists()
