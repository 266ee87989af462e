"""What dies and comes back: servers, agents, runs."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from servers import running_server

TRAIN = """
import time, wandb
run = wandb.init()
for step in range(6):
    run.log({"loss": run.config["x"] + step})
    time.sleep(0.5)
"""
pytestmark = pytest.mark.timeout(180)

LEAN = {
    "WANDB_CONSOLE": "off",
    "WANDB_X_DISABLE_META": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
}
HISTORY = "query($p: String, $r: String!) { project(name: $p) { run(name: $r) { state history(samples: 50) } } }"


@pytest.fixture
def hasty_server(tmp_path):
    """Gives up on who is silent after a second or two."""
    with running_server(tmp_path / "hasty", run_timeout="1.5", agent_timeout="0.8") as server:
        yield server


def test_a_sweep_completes_although_the_server_is_killed_in_its_middle(tmp_path, new_lab, new_bench, until):
    with running_server(tmp_path / "server") as server:
        bench = new_bench(new_lab(server), tmp_path / "work")
        lab = bench.lab
        bench.write("train.py", TRAIN)
        sweep = lab.create({"program": "train.py", "method": "grid", "parameters": {"x": {"values": [1, 2, 3]}}})
        agents = [bench.agent(sweep, **LEAN, WANDB_HTTP_TIMEOUT="300") for _ in range(2)]
        until(lambda: list(lab.runs(sweep).values()).count("running") == 2, what="two running runs")
        server.kill()
        server.start()
        until(lambda: list(lab.runs(sweep).values()).count("finished") >= 1, what="a finished run")
        server.kill()
        server.start()
        for agent in agents:
            _, errors = agent.communicate(timeout=150)
            assert agent.returncode == 0, errors[-3000:]
        assert lab.state(sweep) == "FINISHED"
        assert list(lab.runs(sweep).values()) == ["finished"] * 3
        for run in lab.runs(sweep):
            rows = server.graphql(HISTORY, {"p": lab.project, "r": run})["project"]["run"]["history"]
            assert [json.loads(row)["_step"] for row in rows] == list(range(6)), "no line was lost"
        bench.close()


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path, new_lab):
    with running_server(tmp_path) as server:
        lab = new_lab(server)
        sweep = lab.create({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}, "run_cap": 20})
        for round_ in range(3):
            agent = lab.agent(sweep)
            run = lab.next_run(agent)
            lab.start(run, sweep)
            lab.log(run, [{"loss": round_}])
            server.kill()
            server.start()
            assert lab.runs(sweep)[run] == "running"
            assert lab.heartbeat(agent, run) == []
            lab.finish(run)
        assert list(lab.runs(sweep).values()) == ["finished"] * 3


def test_an_answer_that_died_with_the_server_is_given_again(tmp_path, new_lab):
    with running_server(tmp_path) as server:
        lab = new_lab(server)
        agent = lab.agent(lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}}))
        first = lab.heartbeat(agent)
        server.kill()
        time.sleep(4.1)  # later than the SDK would repeat it while the server is up
        server.start()
        assert lab.heartbeat(agent) == first


def test_a_run_whose_agent_is_killed_crashes_in_bounded_time_and_the_sweep_ends(hasty_server, new_lab, until):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}, "run_cap": 1})
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.heartbeat(agent, run)
    until(lambda: lab.state(sweep) == "FINISHED", seconds=10)
    assert lab.runs(sweep) == {run: "crashed"}


def test_a_run_that_streams_lives_on_without_its_agent(hasty_server, new_lab):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    for _ in range(8):
        time.sleep(0.4)
        lab.stream(run, {})
    assert lab.runs(sweep)[run] == "running"
    lab.finish(run)
    assert lab.state(sweep) == "FINISHED"


def test_a_run_that_starts_slowly_lives_while_its_agent_names_it(hasty_server, new_lab):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    for _ in range(8):
        time.sleep(0.4)
        assert lab.heartbeat(agent, run) == []
    assert lab.runs(sweep)[run] == "pending"


def test_a_run_that_was_given_up_and_speaks_again_goes_on(hasty_server, new_lab, until):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    until(lambda: lab.runs(sweep)[run] == "crashed", seconds=10)
    lab.log(run, [{"loss": 1}])
    assert lab.runs(sweep)[run] == "running"


def test_a_preempted_pod_that_says_no_more_gives_its_run_to_another_agent(hasty_server, new_lab, until):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.stream(run, {"preempting": True})
    until(lambda: lab.runs(sweep)[run] == "preempted", seconds=10)
    (command,) = lab.heartbeat(lab.agent(sweep))
    assert (command["type"], command["run_id"]) == ("resume", run)


def test_a_run_that_never_began_because_its_agent_died_goes_to_another(hasty_server, new_lab, until):
    lab = new_lab(hasty_server)
    sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
    run = lab.next_run(lab.agent(sweep))
    other = lab.agent(sweep)
    (command,) = until(lambda: lab.heartbeat(other), seconds=10)
    assert (command["type"], command["run_id"]) == ("run", run)


def test_nobody_is_given_up_because_the_server_was_away(tmp_path, new_lab):
    with running_server(tmp_path, run_timeout="3", agent_timeout="3") as server:
        lab = new_lab(server)
        sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
        agent = lab.agent(sweep)
        run = lab.next_run(agent)
        lab.start(run, sweep)
        server.kill()
        time.sleep(3.5)
        server.start()
        time.sleep(1.5)  # two looks of the housekeeper
        assert lab.runs(sweep)[run] == "running"
        assert lab.heartbeat(agent, run) == []


def test_a_server_that_was_asleep_listens_anew(tmp_path, new_lab, until):
    with running_server(tmp_path, run_timeout="4", agent_timeout="4") as server:
        lab = new_lab(server)
        sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
        run = lab.next_run(lab.agent(sweep))
        lab.start(run, sweep)
        os.kill(server.process.pid, signal.SIGSTOP)
        time.sleep(7)
        os.kill(server.process.pid, signal.SIGCONT)
        time.sleep(1.5)
        assert lab.runs(sweep)[run] == "running"
        until(lambda: lab.runs(sweep)[run] == "crashed", seconds=10)


def test_sigterm_ends_the_server_quickly_with_open_connections(tmp_path):
    with running_server(tmp_path) as server:
        process = server.process
        began = time.monotonic()
        server.stop()
        assert process.returncode == 0
        assert time.monotonic() - began < 5
