"""In a container with a read-only root and an unwritable home the tracker does without files and processes."""

from __future__ import annotations

import asyncio
import os
import sys

from unit.tracking.conftest import KEY

READS_A_SWEEP = """
import asyncio, os, sys
from datetime import datetime, timezone

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in {"os.mkdir", "os.putenv", "subprocess.Popen", "os.posix_spawn", "os.fork"}:
        os.write(2, f"{event} {arguments}".encode())
        os._exit(3)

from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking.protocol import Account
from wandbsweep.tracking.wandb_tracker import WandbTracker

async def main():
    tracker, account = WandbTracker(), Account(sys.argv[1], sys.argv[2])
    created = await tracker.create(account, entity=None, project="p", config={"method": "random"})
    await tracker.read(account, [created.path])
    await tracker.update(account, created.path, {"method": "random", "run_cap": 3})
    await tracker.agents(account, created.path)
    await tracker.tag_current_run(account, created.path, "pod", ["x"], ended_before=datetime.now(timezone.utc))
    await tracker.set_state(account, created.path, "FINISHED")
    await tracker.close()

sys.addaudithook(watch)
asyncio.run(main())
assert "wandb" not in sys.modules
"""


async def test_no_file_is_written_no_process_started_and_nothing_printed(server, tmp_path):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": ":".join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-B", "-c", READS_A_SWEEP, server.url, KEY),
        env=environment,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 50)

    assert (process.returncode, output) == (0, b"")
    assert list(tmp_path.iterdir()) == []
