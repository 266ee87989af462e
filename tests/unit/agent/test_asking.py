"""What W&B's answers tell about a trainer: news since its start, and not what an earlier life of the run left there."""

from __future__ import annotations

import time

from waiting import until
from wandbsweep.agent.asking import RunWatch
from wandbsweep.agent.relay import Tail
from wandbsweep.agent.wandb_run import RunLook
from wandbsweep.agent.watch import Limits

QUICK = Limits(startup=0.8)


def running(lines):
    return RunLook(exists=True, begun=lines > 0, state="running", history_lines=lines)


def finished(lines):
    return RunLook(exists=True, begun=True, state="finished", history_lines=lines)


class Server:
    """Gives one answer after the other, then the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def watching(*answers, limits=QUICK):
    server = Server(*answers)
    return RunWatch(server, limits), server


def test_the_first_line_of_history_is_the_first_metric():
    watch, _ = watching(RunLook(exists=False), running(0), running(2))
    for seen in (None, None, True):
        watch.ask()
        assert (watch.sight().metric_at is not None) is bool(seen)
    assert watch.first_metric_at(time.monotonic()) is not None


def test_what_was_logged_before_a_preemption_is_not_news():
    watch, _ = watching(running(7), running(7), running(8))
    watch.ask()
    watch.ask()
    assert watch.sight().metric_at is None
    watch.ask()
    assert watch.sight().metric_at is not None


def test_a_question_without_an_answer_is_no_answer():
    watch, _ = watching(None)
    watch.ask()
    sight = watch.sight()
    assert (sight.answered_at, sight.metric_at, sight.finished_at) == (None, None, None)


def test_a_run_that_finishes_is_seen_since_then():
    watch, _ = watching(running(1), finished(2), finished(2), running(2))
    watch.ask()
    assert watch.sight().finished_at is None
    watch.ask()
    since = watch.sight().finished_at
    watch.ask()
    assert watch.sight().finished_at == since is not None
    watch.ask()
    assert watch.sight().finished_at is None, "a run that is taken up again has not finished"


def test_a_run_that_had_finished_before_the_trainer_began_says_nothing_about_it():
    watch, _ = watching(finished(5))
    watch.ask()
    watch.ask()
    assert watch.sight().finished_at is None


def test_a_metric_that_was_only_seen_after_the_end_came_before_it():
    watch, _ = watching(running(0), finished(1))
    watch.ask()
    ended_at = time.monotonic()
    watch.ask()
    assert watch.first_metric_at(ended_at) <= ended_at


def test_a_second_start_waits_for_its_own_first_metric():
    watch, server = watching(running(0), limits=Limits())
    for _ in range(2):
        watch.start(Tail())
        until(lambda: watch.sight().answered_at, "W&B was asked", seconds=5)
        assert watch.first_metric_at(time.monotonic()) is None
        watch.stop()
    assert server.asked >= 2


def test_it_is_asked_again_and_again_while_the_first_metric_is_awaited():
    watch, server = watching(running(0), running(0), running(0), running(1))
    watch.start(Tail())
    until(lambda: watch.sight().metric_at, "the metric was seen", seconds=10)
    asked = server.asked
    watch.stop()
    assert asked >= 4


def test_it_is_not_asked_any_more_after_the_end():
    watch, server = watching(running(0))
    watch.start(Tail())
    until(lambda: server.asked, "W&B was asked", seconds=5)
    watch.stop()
    time.sleep(0.3)
    asked = server.asked
    time.sleep(0.8)
    assert server.asked == asked


def test_output_is_part_of_what_is_seen():
    watch, _ = watching(None)
    tail = Tail()
    watch.start(tail)
    tail.add(b"step 1\n")
    assert watch.sight().output_at == tail.last_at
    watch.stop()


def closed(lines, at):
    return RunLook(exists=True, begun=True, state="running", history_lines=lines, closed_at=at)


def test_a_run_that_goes_on_is_finished_for_the_process_that_closed_it():
    watch, _ = watching(closed(0, ""), closed(2, ""), closed(3, "12:00"), closed(3, "12:00"), closed(4, "12:05"))
    finished_after = []
    for _ in range(3):
        watch.ask()
        finished_after.append(watch.sight().finished_at is not None)
    watch.start(Tail())
    watch.stop()
    for _ in range(2):
        watch.ask()
        finished_after.append(watch.sight().finished_at is not None)
    assert finished_after[:3] == [False, False, True]
    assert finished_after[-1]


def test_a_run_that_an_exception_closed_is_not_finished():
    watch, _ = watching(closed(0, ""), closed(2, "12:00"))
    tail = Tail()
    watch.start(tail)
    watch.stop()
    tail.add(b"Traceback (most recent call last):\nValueError\n")
    until(lambda: watch.ask().closed_at, "the run is closed")
    assert watch.sight().finished_at is None


def test_what_closed_a_run_in_an_earlier_life_does_not_finish_it():
    watch, _ = watching(closed(3, "11:00"))
    watch.ask()
    watch.ask()
    assert watch.sight().finished_at is None
