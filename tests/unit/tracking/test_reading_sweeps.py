"""Many sweeps are read in one request, and trouble with one of them stays with that one."""

from __future__ import annotations

import pytest

from unit.tracking.small_wandb import run
from unit.tracking.web_server import Reply
from wandbsweep.sweep.path import SweepPath
from wandbsweep.tracking import graphql_client
from wandbsweep.tracking.errors import KeyRejected, PartialReadError, ServerFault, SweepMissing

LOSS = {"method": "bayes", "metric": {"name": "loss", "goal": "minimize"}, "parameters": {"lr": {"values": [1, 2]}}}
REWARD = LOSS | {"metric": {"name": "Train/reward", "goal": "maximize"}}


def path(text):
    return SweepPath.parse(text)


async def test_a_sweep_is_read_with_its_counts_and_its_best_run(tracker, account, wandb):
    wandb.add(
        "lab/anymal/a",
        REWARD,
        run("r1", summary='{"Train/reward": 0.5}', lr=1, seed=7),
        run("r2", summary='{"Train/reward": 0.75}', lr=2, seed=7),
        run("r3", "running", summary='{"Train/reward": 9}', lr=2),
        run("r4", "failed", summary='{"Train/reward": 9}', lr=2),
        state="Running",
    )

    (reading,) = (await tracker.read(account, [path("lab/anymal/a")])).values()

    assert reading.state == "RUNNING"
    assert reading.config == REWARD
    assert reading.expected_runs == 4
    assert {state: count for state, count in reading.runs_by_state.items() if count} == {
        "finished": 2,
        "running": 1,
        "failed": 1,
    }
    assert reading.url == f"{account.base_url}/lab/anymal/sweeps/a"
    assert reading.best.run_id == "r2"
    assert reading.best.name == "r2-shown"
    assert reading.best.value == 0.75
    assert reading.best.parameters == {"lr": 2}
    assert reading.best.url == f"{account.base_url}/lab/anymal/runs/r2"


async def test_a_deleted_sweep_and_an_unknown_project_read_as_none(tracker, account, wandb):
    wandb.add("lab/anymal/a", LOSS)
    gone, nowhere = path("lab/anymal/gone"), path("lab/nowhere/a")

    readings = await tracker.read(account, [path("lab/anymal/a"), gone, nowhere])

    assert readings[path("lab/anymal/a")] is not None
    assert (readings[gone], readings[nowhere]) == (None, None)


async def test_sweeps_of_one_account_share_a_request(tracker, account, wandb, server):
    paths = [path(f"lab/anymal/s{number}") for number in range(20)]
    for each in paths:
        wandb.add(str(each), LOSS, run("r1", summary='{"loss": 1.5}', lr=1))

    first = await tracker.read(account, paths)
    asked_first = len(server.requests)
    second = await tracker.read(account, paths)

    assert (asked_first, len(server.requests)) == (2, 3)  # once to learn the metrics, then no more
    assert first == second
    assert all(reading.best.value == 1.5 for reading in second.values())


async def test_hundreds_of_sweeps_are_read_in_batches(tracker, account, wandb, server):
    paths = [path(f"lab/anymal/s{number}") for number in range(205)]
    for each in paths:
        wandb.add(str(each), LOSS)

    readings = await tracker.read(account, [*paths, *paths])

    assert list(readings) == paths
    assert len(server.requests) == 11


async def test_a_metric_that_is_changed_on_the_server_is_believed(tracker, account, wandb):
    sweep = wandb.add("lab/anymal/a", LOSS, run("r1", summary='{"loss": 1, "Train/reward": 5}'))
    await tracker.read(account, [path("lab/anymal/a")])
    sweep.config = wandb.add("lab/other/b", REWARD).config

    readings = await tracker.read(account, [path("lab/anymal/a")])

    assert readings[path("lab/anymal/a")].best.value == 5


@pytest.mark.parametrize(
    "summary",
    ["{}", '{"loss": NaN}', '{"loss": "NaN"}', '{"loss": Infinity}', '{"loss": 1e999}', '{"loss": true}', "[]", "{"],
)
async def test_a_metric_that_is_no_number_makes_no_best_run(tracker, account, wandb, summary):
    reading = await read_best(tracker, account, wandb, summary)

    assert reading.best is None


@pytest.mark.parametrize("summary", ['{"loss.min": 0.25}', '{"loss": {"min": 0.25}}'])
async def test_a_metric_with_dots_is_a_name_or_a_way_into_the_summary(tracker, account, wandb, summary):
    reading = await read_best(tracker, account, wandb, summary, metric="loss.min")

    assert reading.best.value == 0.25


async def read_best(tracker, account, wandb, summary, metric="loss"):
    found = {"edges": [{"node": run("r1", summary=summary)}]}
    wandb.add("lab/anymal/a", LOSS | {"metric": {"name": metric}}, run("r1"))
    original, wandb.read = wandb.read, lambda request: {"s0": original(request)["s0"] | {"best": found}}
    return (await tracker.read(account, [path("lab/anymal/a")]))[path("lab/anymal/a")]


async def test_a_sweep_without_a_metric_has_no_best_run_and_needs_one_request(tracker, account, wandb, server):
    wandb.add("lab/anymal/a", {"method": "random"}, run("r1"))

    readings = await tracker.read(account, [path("lab/anymal/a")])

    assert readings[path("lab/anymal/a")].best is None
    assert len(server.requests) == 1


async def test_an_error_at_one_sweep_leaves_the_others_readable(tracker, account, wandb, server):
    for name in "abc":
        wandb.add(f"lab/anymal/{name}", LOSS)

    def broken_at_b(request):
        position = next(n for n in range(3) if request.variables[f"s{n}_sweep"] == "b")
        data = wandb.read(request) | {f"s{position}": None}
        return Reply.of({"data": data, "errors": [{"message": "lost shard", "path": [f"s{position}", "sweep"]}]})

    server.answer = broken_at_b
    with pytest.raises(PartialReadError, match=r"1 of 3 sweeps could not be read; .*/b: .*lost shard") as caught:
        await tracker.read(account, [path(f"lab/anymal/{name}") for name in "abc"])

    assert set(caught.value.readings) == {path("lab/anymal/a"), path("lab/anymal/c")}
    assert isinstance(caught.value.failures[path("lab/anymal/b")], ServerFault)
    assert caught.value.reason == "ServerError"


async def test_a_project_that_the_key_may_not_see_spoils_only_itself(tracker, account, wandb, server):
    wandb.add("lab/anymal/a", LOSS)

    def guarded(request):
        if "secret" in request.variables.values():
            return Reply.of({"errors": [{"message": "permission denied"}], "data": None}, status=403)
        return wandb.answer(request)

    server.answer = guarded
    secret, open_one = path("lab/secret/x"), path("lab/anymal/a")
    with pytest.raises(PartialReadError) as caught:
        await tracker.read(account, [secret, open_one])

    assert caught.value.readings[open_one] is not None
    assert isinstance(caught.value.failures[secret], KeyRejected)


async def test_a_sweep_that_the_server_answers_404_for_is_gone(tracker, account, wandb, server):
    wandb.add("lab/anymal/a", LOSS)

    def strict(request):
        if "gone" in request.variables.values():
            return Reply.of({"errors": [{"message": "sweep not found"}]}, status=404)
        return wandb.answer(request)

    server.answer = strict
    readings = await tracker.read(account, [path("lab/anymal/a"), path("lab/anymal/gone")])

    assert readings[path("lab/anymal/gone")] is None
    assert readings[path("lab/anymal/a")] is not None


async def test_an_answer_that_is_too_large_is_asked_for_in_halves(tracker, account, wandb, server, monkeypatch):
    monkeypatch.setattr(graphql_client, "_LARGEST_ANSWER", 2**18)
    paths = [path(f"lab/anymal/s{number}") for number in range(4)]
    for each in paths:
        wandb.add(str(each), LOSS | {"name": "x" * 2**16})

    readings = await tracker.read(account, paths)

    assert all(reading is not None for reading in readings.values())
    assert len(server.requests) == 3


async def test_a_config_beyond_all_measure_is_not_parsed(tracker, account, wandb):
    wandb.add("lab/anymal/a", {}).config = "x" * (2**20 + 1)

    with pytest.raises(ServerFault, match="config is longer than 1024 KiB"):
        await tracker.read(account, [path("lab/anymal/a")])


@pytest.mark.parametrize("field", ["state", "config"])
async def test_a_field_of_a_strange_kind_is_named(tracker, account, wandb, server, field):
    wandb.add("lab/anymal/a", LOSS)

    def strange(request):
        data = wandb.read(request)
        data["s0"]["sweep"][field] = 7
        return Reply.of({"data": data})

    server.answer = strange
    with pytest.raises(ServerFault, match=f"about lab/anymal/a in an unknown form: {field} is not a text"):
        await tracker.read(account, [path("lab/anymal/a")])


@pytest.mark.parametrize("present", ["RUNNING", "PENDING", "PAUSED"])
@pytest.mark.parametrize("wanted", ["PAUSED", "RUNNING", "FINISHED", "CANCELED"])
async def test_the_state_of_a_sweep_can_be_set_twice(tracker, account, wandb, present, wanted):
    sweep = wandb.add("lab/anymal/a", LOSS, state=present)

    for _ in range(2):
        await tracker.set_state(account, path("lab/anymal/a"), wanted)

    assert sweep.state == wanted


@pytest.mark.parametrize("over", ["FINISHED", "CANCELED", "CRASHED", "finished"])
@pytest.mark.parametrize("wanted", ["PAUSED", "RUNNING", "FINISHED", "CANCELED"])
async def test_a_sweep_that_is_over_stays_as_it_is(tracker, account, wandb, over, wanted):
    sweep = wandb.add("lab/anymal/a", LOSS, state=over)

    await tracker.set_state(account, path("lab/anymal/a"), wanted)

    assert sweep.state == over


@pytest.mark.parametrize(
    ("present", "afterwards"),
    [("FINISHED", "RUNNING"), ("PAUSED", "RUNNING"), ("CANCELED", "CANCELED"), ("CRASHED", "CRASHED")],
)
async def test_a_sweep_that_finished_is_revived_where_that_is_asked_for(tracker, account, wandb, present, afterwards):
    sweep = wandb.add("lab/anymal/a", LOSS, state=present)

    for _ in range(2):
        await tracker.set_state(account, path("lab/anymal/a"), "RUNNING", revive=True)

    assert sweep.state == afterwards


async def test_the_state_of_a_sweep_that_is_gone_cannot_be_set(tracker, account):
    with pytest.raises(SweepMissing, match="has no sweep lab/anymal/gone"):
        await tracker.set_state(account, path("lab/anymal/gone"), "FINISHED")
