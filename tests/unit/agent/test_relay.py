"""What is printed comes through unchanged, and whoever prints never waits for a console that takes nothing."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager

import pytest

from waiting import until
from wandbsweep.agent.relay import Relay, Tail


@pytest.fixture
def pipes():
    """Two pipes: one from the process that prints, one to its console."""
    ends = [*os.pipe(), *os.pipe()]
    yield ends
    for end in ends:
        if end >= 0:
            os.close(end)


@contextmanager
def relay(source, destination, tail, **options):
    running = Relay(source, destination, tail, **options)
    try:
        yield running
    finally:
        running.finish(0.5)


def test_bytes_come_through_unchanged_and_in_order(pipes):
    source, printer, console, destination = pipes
    said = bytes(range(256)) * 100
    with relay(source, destination, Tail()):
        for start in range(0, len(said), 1000):
            os.write(printer, said[start : start + 1000])
        seen = b""
        while len(seen) < len(said):
            seen += os.read(console, 65536)
    assert seen == said


def test_the_time_of_the_last_output_is_known(pipes):
    source, printer, _, destination = pipes
    tail = Tail()
    before = time.monotonic()
    assert tail.last_at is None
    with relay(source, destination, tail):
        os.write(printer, b"reward 1\n\n")
        until(lambda: tail.last_at, "output was seen", seconds=5)
    assert before <= tail.last_at <= time.monotonic()
    assert tail.last_line() == "reward 1"


def test_a_console_that_takes_nothing_does_not_stop_who_prints(pipes):
    source, printer, _, destination = pipes
    tail = Tail()
    with relay(source, destination, tail, stuck_seconds=0.2):
        for number in range(2000):
            os.write(printer, f"step {number} ".encode() * 20 + b"\n")
        os.write(printer, b"the end\n")
        until(lambda: tail.last_line() == "the end", "all was read", seconds=10)


def test_a_console_that_takes_output_again_gets_it_again(pipes):
    source, printer, console, destination = pipes
    tail = Tail()
    with relay(source, destination, tail, stuck_seconds=0.2):
        for _ in range(10):
            os.write(printer, b"x" * 60_000)
        os.write(printer, b"lost\n")
        until(lambda: tail.last_line().endswith("lost"), "all was read", seconds=10)
        os.set_blocking(console, False)
        while _read(console):
            pass
        os.write(printer, b"heard\n")
        seen = until(lambda: _read(console), "the console gets output again", seconds=5)
    assert seen == b"heard\n"


def _read(console):
    try:
        return os.read(console, 1 << 20)
    except BlockingIOError:
        return b""


def test_a_console_that_is_closed_does_not_stop_who_prints(pipes):
    source, printer, console, destination = pipes
    os.close(console)
    pipes[2] = -1
    tail = Tail()
    with relay(source, destination, tail):
        for _ in range(100):
            os.write(printer, b"x" * 10_000 + b"\n")
        os.write(printer, b"the end\n")
        until(lambda: tail.last_line() == "the end", "all was read", seconds=5)


def test_a_stream_that_somebody_keeps_open_is_left_after_a_bounded_time(pipes):
    source, _, _, destination = pipes
    running = Relay(source, destination, Tail())
    before = time.monotonic()
    running.finish(0.2)
    assert time.monotonic() - before < 2


def test_only_the_end_of_much_output_is_kept():
    tail = Tail()
    for number in range(10_000):
        tail.add(f"line {number}\n".encode())
    assert tail.last_line() == "line 9999"
    assert len(tail.text()) < 40_000
