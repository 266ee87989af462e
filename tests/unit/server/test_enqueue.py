"""Sweeps whose runs come from a scheduler outside of the server: what agents get, and when it is enough."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from servers import running_server

CUSTOM = {
    "method": "custom",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"min": 0.0, "max": 9.0}},
}
READ_AS = """query {operation}($p: String, $s: String!) {{ project(name: $p) {{ sweep(sweepName: $s) {{
  runs {{ edges {{ node {{ name state }} }} }} }} }} }}"""


def value(number: float) -> dict:
    return {"x": {"value": number}}


def run_to_its_end(lab, agent: str, sweep: str, exitcode: int = 0) -> str:
    run = lab.next_run(agent)
    lab.start(run, sweep)
    lab.heartbeat(agent, run)
    lab.finish(run, exitcode)
    return run


def many(lab, sweep: str, number: int) -> list[str]:
    return [lab.enqueue(sweep, value(each)) for each in range(number)]


@pytest.fixture
def sweep(lab):
    return lab.create(CUSTOM)


@pytest.fixture
def capped(lab):
    return lab.create(CUSTOM | {"run_cap": 3})


def test_agents_get_the_runs_in_the_order_in_which_they_were_enqueued(lab, sweep):
    enqueued = many(lab, sweep, 5)
    agents = [lab.agent(sweep) for _ in range(5)]
    commands = [lab.heartbeat(agent)[0] for agent in agents]
    assert [each["run_id"] for each in commands] == enqueued
    assert [each["args"] for each in commands] == [value(each) for each in range(5)]


def test_each_run_goes_to_one_agent_however_many_ask_at_once(lab, sweep):
    enqueued = many(lab, sweep, 4)
    agents = [lab.agent(sweep) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        commands = [each for answer in pool.map(lab.heartbeat, agents) for each in answer]
    assert sorted(each["run_id"] for each in commands) == sorted(enqueued)


def test_a_run_that_was_preempted_goes_before_all_that_wait(lab, sweep):
    first, second, _ = many(lab, sweep, 3)
    assert lab.next_run(lab.agent(sweep)) == first
    other = lab.agent(sweep)
    assert lab.next_run(other) == second
    lab.start(second, sweep)
    lab.stream(second, {"preempting": True})
    lab.finish(second, 143)
    (command,) = lab.heartbeat(lab.agent(sweep))
    assert (command["type"], command["run_id"]) == ("resume", second)


@pytest.mark.parametrize(
    "definition",
    [
        CUSTOM,
        CUSTOM | {"scheduler": {"engine": "optuna"}},
        CUSTOM | {"method": "random", "scheduler": {"engine": "wandb"}},
        CUSTOM | {"method": "grid", "parameters": {"x": {"values": [1, 2]}}, "scheduler": {"engine": "wandb"}},
    ],
    ids=["custom", "optuna", "random", "grid"],
)
def test_the_server_proposes_nothing_and_agents_wait(lab, definition):
    sweep = lab.create(definition)
    agent = lab.agent(sweep)
    assert [lab.heartbeat(agent) for _ in range(3)] == [[]] * 3
    assert lab.runs(sweep) == {}
    assert lab.state(sweep) == "PENDING"
    run = lab.enqueue(sweep, value(1))
    assert lab.next_run(agent) == run
    assert lab.state(sweep) == "RUNNING"


def test_agents_wait_on_when_all_runs_have_ended_as_more_may_come(lab, sweep):
    agent = lab.agent(sweep)
    lab.enqueue(sweep, value(1))
    run_to_its_end(lab, agent, sweep)
    assert lab.heartbeat(agent) == []
    assert lab.state(sweep) == "RUNNING"


def test_the_cap_is_exact_under_a_flood_of_suggestions_and_agents(lab):
    sweep = lab.create(CUSTOM | {"run_cap": 7})
    identity = lab.sweep(sweep)["id"]
    agents = [lab.agent(sweep) for _ in range(6)]
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(lab.enqueue_status, identity) for _ in range(30)]
        fetched = [pool.submit(lab.heartbeat, agent) for agent in agents]
        statuses = sorted(each.result() for each in asked)
        handed = [command for each in fetched for command in each.result()]
    assert statuses == [200] * 7 + [429] * 23
    assert len(lab.runs(sweep)) == 7
    assert len({each["run_id"] for each in handed}) == len(handed)


def test_what_fails_is_apart_and_may_be_replaced(lab, capped):
    agent = lab.agent(capped)
    many(lab, capped, 3)
    assert lab.enqueue_status(lab.sweep(capped)["id"]) == 429
    run_to_its_end(lab, agent, capped, 1)
    replacement = lab.enqueue(capped, value(9))
    assert lab.enqueue_status(lab.sweep(capped)["id"]) == 429
    for _ in range(3):
        last = run_to_its_end(lab, agent, capped)
    assert last == replacement
    assert sorted(lab.runs(capped).values()) == ["failed", "finished", "finished", "finished"]
    assert lab.state(capped) == "FINISHED"
    assert lab.heartbeat(agent) == [{"type": "exit"}]


def test_a_sweep_goes_on_while_a_failure_is_not_replaced(lab, capped):
    agent = lab.agent(capped)
    many(lab, capped, 3)
    for exitcode in (0, 0, 1):
        run_to_its_end(lab, agent, capped, exitcode)
    assert lab.heartbeat(agent) == []
    assert lab.state(capped) == "RUNNING"


def test_a_run_that_was_stopped_counts(lab, capped):
    agent = lab.agent(capped)
    many(lab, capped, 3)
    run = lab.next_run(agent)
    lab.stop(lab.start(run, capped))
    lab.finish(run, 255)
    assert lab.runs(capped)[run] == "killed"
    assert lab.enqueue_status(lab.sweep(capped)["id"]) == 429


@pytest.mark.parametrize("preempted", [False, True])
def test_a_run_that_was_given_up_and_replaced_is_stopped_when_it_speaks_again(lab, capped, preempted):
    agent = lab.agent(capped)
    lost, *_ = many(lab, capped, 3)
    assert lab.next_run(agent) == lost
    lab.start(lost, capped)
    lab.heartbeat(agent, lost)
    lab.heartbeat(agent)
    assert lab.runs(capped)[lost] == "crashed"
    lab.enqueue(capped, value(9))
    assert lab.stream(lost, {"preempting": preempted})["stopped"] is True
    lab.finish(lost)
    assert lab.runs(capped)[lost] == "crashed"


def test_a_run_that_was_given_up_and_not_replaced_goes_on(lab, capped):
    agent = lab.agent(capped)
    lost, *_ = many(lab, capped, 3)
    lab.next_run(agent)
    lab.start(lost, capped)
    lab.heartbeat(agent, lost)
    lab.heartbeat(agent)
    assert lab.stream(lost, {})["stopped"] is False
    lab.finish(lost)
    assert lab.runs(capped)[lost] == "finished"
    assert lab.enqueue_status(lab.sweep(capped)["id"]) == 429


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED"])
def test_what_still_waits_when_a_sweep_is_over_is_taken_back(lab, sweep, state):
    busy = lab.agent(sweep)
    done, running, *_ = many(lab, sweep, 4)
    assert run_to_its_end(lab, busy, sweep) == done
    assert lab.next_run(busy) == running
    lab.start(running, sweep)
    lab.set_state(sweep, state)
    assert set(lab.runs(sweep)) == {done, running}
    assert lab.enqueue_status(lab.sweep(sweep)["id"]) == 429


def test_a_run_that_its_agent_never_heard_of_is_taken_back_when_the_sweep_is_over(lab, sweep):
    many(lab, sweep, 1)
    agent = lab.agent(sweep)
    lab.next_run(agent)
    lab.set_state(sweep, "FINISHED")
    assert lab.heartbeat(agent) == [{"type": "exit"}]
    assert lab.runs(sweep) == {}


def test_a_run_between_two_agents_is_over_with_its_sweep(lab, sweep):
    (run,) = many(lab, sweep, 1)
    lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.stream(run, {"preempting": True})
    lab.finish(run, 143)
    lab.set_state(sweep, "FINISHED")
    assert lab.runs(sweep) == {run: "killed"}


def test_a_finished_sweep_can_be_taken_up_again(lab, sweep):
    agent = lab.agent(sweep)
    many(lab, sweep, 1)
    failed = run_to_its_end(lab, agent, sweep, 1)
    lab.set_state(sweep, "FINISHED")
    lab.set_state(sweep, "RUNNING")
    again = lab.enqueue(sweep, value(1))
    assert lab.next_run(lab.agent(sweep)) == again
    assert lab.runs(sweep) == {failed: "failed", again: "pending"}


def test_a_waiting_run_that_is_stopped_is_over_at_once(lab, capped):
    first, second, third = many(lab, capped, 3)
    identities = {edge["node"]["name"]: edge["node"]["id"] for edge in lab.sweep(capped)["runs"]["edges"]}
    assert lab.stop(identities[first]) is True
    assert lab.runs(capped) == {first: "killed", second: "pending", third: "pending"}
    assert lab.next_run(lab.agent(capped)) == second


def test_the_name_that_was_asked_for_is_shown_or_the_one_that_the_search_noted(lab, sweep):
    lab.enqueue(sweep, value(1), "by hand")
    lab.enqueue(sweep, value(1) | {"wandbsweep": {"value": {"name": "ant.r.0", "number": 0}}})
    lab.enqueue(sweep, value(1))
    query = 'query($p: String) { project(name: $p) { runs(order: "+created_at") { edges { node { displayName } } } } }'
    edges = lab.server.graphql(query, {"p": lab.project})["project"]["runs"]["edges"]
    assert [edge["node"]["displayName"] for edge in edges] == ["by hand", "ant.r.0", f"{sweep}-3"]


def test_plain_values_are_wrapped_for_the_agents(lab, sweep):
    lab.enqueue(sweep, {"x": 3, "y": {"value": 4}, "z": {"deep": 5}})
    (command,) = lab.heartbeat(lab.agent(sweep))
    assert command["args"] == {"x": {"value": 3}, "y": {"value": 4}, "z": {"value": {"deep": 5}}}


def test_a_paused_sweep_keeps_what_is_enqueued_until_it_goes_on(lab, sweep):
    agent = lab.agent(sweep)
    lab.enqueue(sweep, value(0))
    run_to_its_end(lab, agent, sweep)
    lab.set_state(sweep, "PAUSED")
    run = lab.enqueue(sweep, value(1))
    assert lab.heartbeat(agent) == []
    lab.set_state(sweep, "RUNNING")
    assert lab.next_run(agent) == run


def test_runs_may_be_enqueued_in_a_sweep_that_the_server_searches_within_its_cap(lab):
    sweep = lab.create(CUSTOM | {"method": "random", "run_cap": 2})
    run = lab.enqueue(sweep, value(4))
    agents = [lab.agent(sweep) for _ in range(3)]
    assert lab.next_run(agents[0]) == run
    assert lab.next_run(agents[1]) != run
    assert lab.heartbeat(agents[2]) == []
    assert lab.enqueue_status(lab.sweep(sweep)["id"]) == 429


def test_a_run_that_waits_to_be_resumed_is_only_on_its_way_for_a_scheduler(lab, sweep):
    """W&B's scheduler would take the state `preempted` for the end of the run, and never look at it again."""
    (run,) = many(lab, sweep, 1)
    lab.next_run(lab.agent(sweep))
    lab.start(run, sweep)
    lab.stream(run, {"preempting": True})
    lab.finish(run, 143)

    def state(operation: str) -> str:
        answer = lab.server.graphql(READ_AS.format(operation=operation), {"p": lab.project, "s": sweep})
        return answer["project"]["sweep"]["runs"]["edges"][0]["node"]["state"]

    assert state("SweepWatchedRuns") == state("SweepRunsWithHistory") == "preempting"
    assert state("Runs") == "preempted"


def test_a_server_without_the_feature_says_so_and_takes_no_runs(tmp_path, new_lab):
    with running_server(tmp_path, local_scheduler="false") as server:
        lab = new_lab(server)
        features = server.graphql("{ serverInfo { features { name isEnabled } } }")["serverInfo"]["features"]
        assert "SWEEPS_LOCAL_SCHEDULER" not in [feature["name"] for feature in features]
        sweep = lab.create(CUSTOM)
        assert lab.enqueue_status(lab.sweep(sweep)["id"]) == 400
        assert lab.heartbeat(lab.agent(sweep)) == []


def test_the_server_says_that_it_has_the_feature(lab):
    features = lab.server.graphql("{ serverInfo { features { name isEnabled } } }")["serverInfo"]["features"]
    assert {"name": "SWEEPS_LOCAL_SCHEDULER", "isEnabled": True} in features


@pytest.mark.parametrize("config", ["[1]", "1", "nonsense"])
def test_a_config_that_is_no_object_is_refused(lab, sweep, config):
    query = "mutation($i: ID!, $c: JSONString!) { enqueueSweepRun(input: {id: $i, config: $c}) { id } }"
    body = {"query": query, "variables": {"i": lab.sweep(sweep)["id"], "c": config}}
    assert lab.server.post("/graphql", body)[0] == 400
    assert lab.runs(sweep) == {}
