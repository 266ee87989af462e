from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RunningServer, running_server
from unit.search.search_processes import Searches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def wandb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded server, for the tests of one module."""
    with running_server(tmp_path_factory.mktemp("server"), stop_grace="2") as server:
        yield server


@pytest.fixture
def searches(tmp_path: Path, wandb_server: RunningServer) -> Iterator[Searches]:
    started = Searches(tmp_path, wandb_server)
    yield started
    started.close()
