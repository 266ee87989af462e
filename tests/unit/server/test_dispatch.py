"""What an agent is told, in answer to what it says about its processes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers import running_server

GRID = {"method": "grid", "program": "train.py", "parameters": {"x": {"values": [1, 2, 3]}, "y": {"value": "k"}}}
RANDOM = {"method": "random", "program": "train.py", "parameters": {"x": {"min": 0.0, "max": 1.0}}}


def test_a_run_command_carries_program_and_parameters(lab):
    sweep = lab.create(GRID)
    (command,) = lab.heartbeat(lab.agent(sweep))
    assert command["type"] == "run"
    assert command["program"] == "train.py"
    assert command["args"] == {"x": {"value": 1}, "y": {"value": "k"}}
    assert lab.runs(sweep) == {command["run_id"]: "pending"}
    assert lab.state(sweep) == "RUNNING"


def test_an_agent_with_a_living_run_gets_nothing_more(lab):
    agent = lab.agent(lab.create(GRID))
    run = lab.next_run(agent)
    assert lab.heartbeat(agent, run) == []


def test_a_grid_is_tried_once_at_each_point_and_then_finished(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    for _ in range(3):
        run = lab.next_run(agent)
        lab.start(run, sweep)
        lab.heartbeat(agent, run)
        lab.finish(run)
    assert lab.state(sweep) == "FINISHED"
    assert lab.heartbeat(agent) == [{"type": "exit"}]
    configs = [edge["node"]["config"] for edge in lab.sweep(sweep)["runs"]["edges"]]
    assert len(set(configs)) == 3


def test_a_config_that_the_trainer_changes_does_not_repeat_a_grid_point(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
    agent = lab.agent(sweep)
    for _ in range(2):
        run = lab.next_run(agent)
        lab.start(run, sweep, {"x": {"value": 99}})
        lab.finish(run)
    assert lab.heartbeat(agent) == [{"type": "exit"}]


def test_the_run_cap_is_exact_under_many_agents_at_once(lab):
    sweep = lab.create(RANDOM | {"run_cap": 7})
    agents = [lab.agent(sweep) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        commands = [each for answer in pool.map(lab.heartbeat, agents) for each in answer]
    assert [each["type"] for each in commands] == ["run"] * 7
    assert len(lab.runs(sweep)) == 7
    for command in commands:
        lab.start(command["run_id"], sweep)
        lab.finish(command["run_id"])
    assert lab.state(sweep) == "FINISHED"
    assert all(lab.heartbeat(agent) == [{"type": "exit"}] for agent in agents)


def test_an_answer_that_was_lost_is_given_again(lab):
    agent = lab.agent(lab.create(GRID))
    first = lab.heartbeat(agent)
    assert lab.heartbeat(agent) == first


def test_a_run_whose_process_vanished_has_crashed(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.heartbeat(agent, run)
    lab.heartbeat(agent)
    assert lab.runs(sweep)[run] == "crashed"


def test_a_late_last_word_corrects_a_crash(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.heartbeat(agent)
    lab.finish(run)
    assert lab.runs(sweep)[run] == "finished"


def test_a_paused_sweep_hands_out_nothing_and_goes_on_when_resumed(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.set_state(sweep, "PAUSED")
    assert lab.heartbeat(agent, run) == []
    lab.finish(run)
    assert lab.heartbeat(agent) == []
    lab.set_state(sweep, "RUNNING")
    assert lab.heartbeat(agent)[0]["type"] == "run"


def test_a_stopped_sweep_lets_its_runs_finish_and_sends_idle_agents_home(lab):
    sweep = lab.create(GRID)
    busy, idle = lab.agent(sweep), lab.agent(sweep)
    run = lab.next_run(busy)
    lab.start(run, sweep)
    lab.set_state(sweep, "FINISHED")
    assert lab.heartbeat(busy, run) == []
    assert lab.heartbeat(idle) == [{"type": "exit"}]
    assert lab.stream(run, {})["stopped"] is False
    lab.finish(run)
    assert lab.heartbeat(busy) == [{"type": "exit"}]
    assert lab.runs(sweep) == {run: "finished"}


def test_a_canceled_sweep_stops_its_runs_first_by_stream_then_by_agent(lab, until):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.set_state(sweep, "CANCELED")
    assert lab.stream(run, {})["stopped"] is True
    assert lab.heartbeat(agent, run) == []
    stop = [{"type": "stop", "run_id": run}]
    until(lambda: lab.heartbeat(agent, run) == stop, seconds=10)
    assert lab.heartbeat(agent, run) == stop, "repeated until the process is gone"
    assert lab.heartbeat(agent) == [{"type": "exit"}]
    assert lab.runs(sweep) == {run: "killed"}


def test_a_run_that_has_not_begun_is_stopped_by_its_agent_at_once(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    run = lab.next_run(agent)
    lab.heartbeat(agent, run)
    lab.set_state(sweep, "CANCELED")
    assert lab.heartbeat(agent, run) == [{"type": "stop", "run_id": run}]


def test_a_preempted_run_is_handed_out_again_with_its_id_and_parameters(lab):
    sweep = lab.create({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}, "run_cap": 1})
    agent = lab.agent(sweep)
    (first,) = lab.heartbeat(agent)
    lab.start(first["run_id"], sweep)
    lab.stream(first["run_id"], {"preempting": True})
    assert lab.runs(sweep) == {first["run_id"]: "preempting"}
    lab.finish(first["run_id"], 143)
    assert lab.runs(sweep) == {first["run_id"]: "preempted"}
    (again,) = lab.heartbeat(lab.agent(sweep))
    assert again == first | {"type": "resume"}
    lab.start(again["run_id"], sweep)
    lab.finish(again["run_id"])
    assert lab.runs(sweep) == {first["run_id"]: "finished"}
    assert lab.state(sweep) == "FINISHED"


def test_a_preempting_run_that_ends_well_is_finished(lab):
    sweep = lab.create(GRID)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.stream(run, {"preempting": True})
    lab.finish(run)
    assert lab.runs(sweep)[run] == "finished"


def test_a_repeated_message_about_the_config_does_not_revive_a_run(lab):
    sweep = lab.create(GRID)
    run = lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.finish(run, 1)
    change = """mutation($p: String, $r: String) {
      upsertBucket(input: {modelName: $p, name: $r, config: "{}"}) { bucket { state } } }"""
    answer = lab.server.graphql(change, {"p": lab.project, "r": run})
    assert answer["upsertBucket"]["bucket"]["state"] == "failed"


def test_two_agents_never_run_the_same_run(tmp_path, new_lab, until):
    with running_server(tmp_path, agent_timeout="0.8", run_timeout="30") as server:
        lab = new_lab(server)
        sweep = lab.create({"method": "grid", "parameters": {"x": {"value": 1}}})
        lost, other = lab.agent(sweep), lab.agent(sweep)
        run = lab.next_run(lost)
        until(lambda: lab.heartbeat(other) and lab.runs(sweep)[run] == "pending", what="the run given to another agent")
        lab.heartbeat(other, run)
        assert lab.heartbeat(lost, run) == [{"type": "stop", "run_id": run}]


def test_an_agent_of_a_finished_sweep_is_refused_with_a_reason(lab):
    sweep = lab.create(GRID)
    lab.set_state(sweep, "FINISHED")
    with pytest.raises(AssertionError, match=r"409.*is finished"):
        lab.agent(sweep)


def test_an_agent_of_a_deleted_sweep_hears_404(lab):
    sweep = lab.create(GRID)
    agent = lab.agent(sweep)
    lab.server.graphql(
        "mutation($id: ID!) { deleteSweep(input: {id: $id}) { success } }", {"id": lab.sweep(sweep)["id"]}
    )
    with pytest.raises(AssertionError, match="404"):
        lab.heartbeat(agent)
    assert lab.sweep(sweep) is None


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({"method": "nonsense", "parameters": {"x": {"value": 1}}}, "nonsense"),
        ({"method": "bayes", "parameters": {"x": {"min": 0.0, "max": 1.0}}}, "metric"),
        ({"method": "grid", "parameters": {"x": {"min": 0.0, "max": 1.0}}}, "grid"),
        ({"method": "random"}, "parameters"),
    ],
)
def test_a_sweep_that_cannot_be_searched_crashes_instead_of_keeping_agents(lab, definition, reason):
    sweep = lab.create(definition)
    assert lab.heartbeat(lab.agent(sweep)) == [{"type": "exit"}]
    assert lab.state(sweep) == "CRASHED"


def test_bayes_learns_from_the_runs_before(lab):
    sweep = lab.create(
        {
            "method": "bayes",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"x": {"min": 0.0, "max": 1.0}},
            "run_cap": 12,
        }
    )
    agent = lab.agent(sweep)
    for _ in range(12):
        (command,) = lab.heartbeat(agent)
        x = command["args"]["x"]["value"]
        lab.start(command["run_id"], sweep)
        lab.log(command["run_id"], [{"loss": (x - 0.3) ** 2}])
        lab.finish(command["run_id"])
    assert lab.sweep(sweep)["bestLoss"] < 0.02
    assert lab.state(sweep) == "FINISHED"


def test_prior_runs_teach_the_search_and_do_not_count(lab):
    lab.start("old")
    lab.stream("old", {"complete": True, "exitcode": 0})
    create = """mutation($c: String, $p: String, $f: JSONString) {
      upsertSweep(input: {config: $c, projectName: $p, priorRunsFilters: $f}) { sweep { name } } }"""
    variables = {
        "c": "{method: random, parameters: {x: {min: 0.0, max: 1.0}}, run_cap: 1}",
        "p": lab.project,
        "f": '{"$or":[{"name":"old"}]}',
    }
    sweep = lab.server.graphql(create, variables)["upsertSweep"]["sweep"]["name"]
    run = lab.next_run(lab.agent(sweep))
    assert set(lab.runs(sweep)) == {run}


def test_heartbeats_of_many_agents_are_answered_in_parallel(lab):
    sweep = lab.create({"method": "grid", "parameters": {"x": {"values": list(range(40))}}})
    agents = [lab.agent(sweep) for _ in range(40)]
    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lab.heartbeat, agents))
    given = [each["args"]["x"]["value"] for answer in answers for each in answer]
    assert sorted(given) == list(range(40))
    assert time.monotonic() - began < 20
