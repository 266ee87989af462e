"""A life of a sweep under an operator of its own, which dies at its writes and is started anew each time."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crash_points import AFTER, Reader, Register, is_write
from kube_client import write_kubeconfig
from nodes import running_node
from operators import RunningOperator, running_operator
from places import Place, a_place
from proxies import kubernetes_proxy, wandb_proxy
from wandbsweep.api import labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crash_points import Facts
    from kube_client import Kube
    from proxies import Call, Fate, Proxy
    from servers import RunningServer

_LIVES_FOR_WRITES = 1  # so many writes each operator gets through before it may die
_OF_THE_SAME = 4  # and so many before it may die of what another one has died of, where that is wanted


@dataclass
class Life:
    """What the proxies tell of one life, and the operator's deaths in it."""

    place: Place
    operator: RunningOperator
    deaths_to_come: Register
    gate: Path  # trainings wait for this file
    dies_again: bool = True  # also of what an operator has died of before, as often as it comes in an undisturbed life
    writes: list[Facts] = field(default_factory=list)  # all that the servers carried out
    deaths: list[str] = field(default_factory=list)
    doubles: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    _reader: Reader = field(default_factory=Reader)
    _since_start: int = _LIVES_FOR_WRITES  # the first one may die at once
    _dead: bool = False
    _died: threading.Event = field(default_factory=threading.Event)
    _over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: threading.Lock = field(default_factory=threading.Lock)

    def lie_between(self, proxy: Proxy, fates: tuple[Fate, ...]) -> None:
        """See what goes through this proxy, and choose a fate for it."""
        first, second = fates
        proxy.rule(lambda call: self._is_end(call, first), first, times=None, then=self._die)
        proxy.rule(lambda call: self._is_end(call, second, last=True), second, times=None, then=self._die)

    def keep_alive(self) -> None:
        """Starts the operator again after each death, until the life is over."""
        while self._died.wait() and not self._over:
            self._died.clear()
            try:
                with self._process:
                    self.operator.start()
            except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
                self.errors.append(error)
                return
            with self._lock:
                self._dead, self._since_start = False, 0

    def end(self) -> None:
        self._over = True
        self._died.set()

    def _is_end(self, call: Call, fate: Fate, *, last: bool = False) -> bool:
        """Whether the operator dies at this call, which is carried out if no fate is left to be asked about."""
        if not is_write(call):
            return False
        with self._lock:
            facts = self._reader.facts(call)
            self.deaths_to_come.see(facts)
            if not self._dead and self._since_start >= _LIVES_FOR_WRITES and self._takes(facts, fate):
                self._dead = True
                self.deaths.append(f"{fate.name} {facts}")
                if fate is AFTER:
                    self._note(call, facts)
                return True
            if last:
                self._since_start += 1
                self._note(call, facts)
            return False

    def _takes(self, facts: Facts, fate: Fate) -> bool:
        again = self.dies_again and self._since_start >= _OF_THE_SAME
        return self.deaths_to_come.take(facts, fate, again=again)

    def _note(self, call: Call, facts: Facts) -> None:
        self.writes.append(facts)
        self._reader.carried_out(call)
        if call.method == "POST" and call.path.endswith("/jobs"):
            self._look_for_a_double(call)

    def _look_for_a_double(self, call: Call) -> None:
        """Two Jobs come to be in one slot, or two searches beside each other, only when the second is created."""
        new = call.json["metadata"]
        slot = new["labels"].get(labels.SLOT_LABEL)
        self.doubles += [
            f"{new['name']} beside {job['metadata']['name']}"
            for job in self.place.jobs()
            if is_going(job) and job["metadata"]["labels"].get(labels.SLOT_LABEL) == slot
            if job["metadata"]["name"] != new["name"]
        ]

    def _die(self) -> None:
        with self._process:
            self.operator.kill()
        self._died.set()


def is_going(job: dict[str, Any]) -> bool:
    """Whether a Job has not ended."""
    return not job.get("status", {}).get("conditions")


@contextmanager
def a_life(
    kube: Kube, server: RunningServer, runtime: Path | None, folder: Path, deaths: Register, fates: tuple[Fate, ...]
) -> Iterator[Life]:
    """A namespace, an operator whose calls are seen, and, where there is a runtime, a node."""
    with ExitStack() as stack:
        place = stack.enter_context(a_place(kube, f"life-{uuid.uuid4().hex[:10]}", server))
        place.give_key()
        kubernetes = stack.enter_context(kubernetes_proxy(kube.connection))
        wandb = stack.enter_context(wandb_proxy(server.url))
        kubeconfig = write_kubeconfig(folder / "kubeconfig", kubernetes.url)
        if runtime:
            surroundings = {"WANDB_BASE_URL": server.url, "TRAINER_GATE": str(folder / "gate")}
            stack.enter_context(running_node(kube, place.namespace, runtime, folder / "node", surroundings))
        operator = stack.enter_context(running_operator(folder, kubeconfig, wandb.url, place.namespace))
        life = Life(place, operator, deaths, folder / "gate")
        for proxy in (kubernetes, wandb):
            life.lie_between(proxy, fates)
        keeper = threading.Thread(target=life.keep_alive, name="keeper", daemon=True)
        keeper.start()
        try:
            yield life
        except BaseException as error:
            error.add_note(f"after {life.deaths} the operator said:\n{operator.log[-3000:]}")
            raise
        finally:
            life.end()
            keeper.join(60)
    if life.errors:
        raise AssertionError(f"the operator could not be started again: {life.errors}")


def told_twice(place: Place) -> list[tuple[str, str]]:
    """Events that say the same of the same object."""
    told = Counter((event["reason"], event["message"]) for event in place.events())
    return [words for words, times in told.items() if times > 1]
