"""`wandbsweep warm-up`: fills the caches of Isaac Sim for the agents that come after, and says how that went."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from wandbsweep.agent.bundle import running_bundle
from wandbsweep.agent.environment import agent_environment
from wandbsweep.agent.exit_codes import WarmUpExit
from wandbsweep.agent.gpu import Gpu, find_gpu
from wandbsweep.agent.home import agent_home
from wandbsweep.agent.isaac_caches import State, Warmth, warm
from wandbsweep.agent.isaac_settings import CacheSettings
from wandbsweep.agent.settings import BadEnvironmentError, termination_log
from wandbsweep.agent.signal_inbox import SignalInbox
from wandbsweep.agent.supervisor import SIGNALS
from wandbsweep.agent.termination import without_secrets, write_words
from wandbsweep.agent.variables import CACHE

if TYPE_CHECKING:
    import signal
    from collections.abc import Collection, Mapping

_TICK_SECONDS = 0.1

_EXITS = {
    State.RESTORED: WarmUpExit.DONE,
    State.WARMED: WarmUpExit.DONE,
    State.FAILED: WarmUpExit.FAILED,
    State.UNUSABLE: WarmUpExit.CACHE_UNUSABLE,
    State.STOPPED: WarmUpExit.DRAINED,
}


def run_warm_up(environ: Mapping[str, str]) -> int:
    """Warms up once, leaves its last words, and returns the exit code."""
    gpu = Gpu()
    with SignalInbox(SIGNALS) as inbox:
        try:
            environment = _prepare(environ)
            gpu = find_gpu(environment)
            warmth = warm_while_listening(environment, gpu, inbox, SIGNALS, insist=True)
            code = _EXITS[warmth.state] if warmth else WarmUpExit.BAD_ENVIRONMENT
            message = warmth.message if warmth else f"{CACHE.name} is not set: set it to the folder on the volume"
        except BadEnvironmentError as error:
            code, message = WarmUpExit.BAD_ENVIRONMENT, str(error)
    message = without_secrets(message, environ)
    write_words(termination_log(environ), {"reason": code.reason, "message": message, "gpu": gpu.product})
    sys.stderr.write(f"wandbsweep warm-up: {message} (exit code {int(code)}, {code.reason})\n")
    return code


def warm_while_listening(
    environment: Mapping[str, str],
    gpu: Gpu,
    inbox: SignalInbox,
    signals: Collection[signal.Signals],
    *,
    insist: bool = False,
) -> Warmth | None:
    """Warms caches in a thread, so that a signal ends it; None where none are kept.

    Raises BadEnvironmentError.
    """
    settings = CacheSettings.from_environ(environment, environment["HOME"])
    if settings is None:
        return None
    stop, results = threading.Event(), list[Warmth]()

    def work() -> None:
        results.append(warm(settings, gpu, environment, stop, insist=insist))

    thread = threading.Thread(target=work, name="warm-up", daemon=True)
    thread.start()
    while thread.is_alive():
        if not set(signals).isdisjoint(_ending(inbox)):
            stop.set()
            thread.join()
    return results[0] if results else Warmth(State.FAILED, "Caches begin cold: the warm-up ended with an error.")


def _ending(inbox: SignalInbox) -> list[signal.Signals]:
    """What asks this process to end; that a child ended does not."""
    return [signum for signum in inbox.wait(_TICK_SECONDS) if signum.name != "SIGCHLD"]


def _prepare(environ: Mapping[str, str]) -> dict[str, str]:
    bundle = running_bundle()
    home = agent_home(environ, bundle.parent if bundle else None)
    try:
        home.path.mkdir(parents=True, exist_ok=True)
        return agent_environment(environ, home, bundle.parent / "bin" if bundle else Path(sys.executable).parent)
    except OSError as error:
        raise BadEnvironmentError(
            f"the folder {home.path} cannot be written ({error.strerror}): set WANDBSWEEP_HOME to one that can"
        ) from None
