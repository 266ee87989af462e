"""The pages for people."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request

import pytest

EVIL = "<script>alert(1)</script>"


def get(lab, path, key=None):
    credentials = base64.b64encode(f"api:{key or lab.server.api_key}".encode()).decode()
    request = urllib.request.Request(lab.server.url + path, headers={"Authorization": f"Basic {credentials}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


@pytest.fixture
def sweep(lab):
    definition = {
        "method": "grid",
        "name": EVIL,
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {"agent.lr": {"values": [0.25, 0.5]}, EVIL: {"value": EVIL}},
    }
    name = lab.create(definition, f"for people {EVIL}")
    agent = lab.agent(name)
    for reward in (1.5, 2.5):
        run = lab.next_run(agent)
        lab.start(run, name)
        lab.log(run, [{"reward": reward}])
        lab.stream(run, {"files": {"output.log": {"offset": 0, "content": [f"line {EVIL}"]}}})
        lab.finish(run)
    return name


def test_the_list_shows_state_progress_and_best(lab, sweep):
    status, text, _ = get(lab, f"/{lab.server.entity}/{lab.project}")
    assert status == 200
    assert f"/{lab.server.entity}/{lab.project}/sweeps/{sweep}" in text
    for shown in ("FINISHED", "2/2", "2.5", "reward"):
        assert shown in text
    assert f"/sweeps/{sweep}" in get(lab, "/")[1]


def test_a_sweep_shows_its_runs_the_best_first(lab, sweep):
    text = get(lab, f"/{lab.server.entity}/{lab.project}/sweeps/{sweep}")[1]
    assert text.index(">2.5<") < text.index(">1.5<")
    assert "agent.lr" in text
    assert "for people" in text


def test_a_run_shows_config_summary_and_log(lab, sweep):
    run = next(iter(lab.runs(sweep)))
    text = get(lab, f"/{lab.server.entity}/{lab.project}/runs/{run}")[1]
    for shown in ("agent.lr", "0.25", "reward", "1.5", "line ", "Exit code 0"):
        assert shown in text


@pytest.mark.parametrize("page", ["", "/sweeps/{sweep}", "/runs/{run}"])
def test_what_a_run_sent_is_never_a_script(lab, sweep, page):
    run = next(iter(lab.runs(sweep)))
    path = f"/{lab.server.entity}/{lab.project}" + page.format(sweep=sweep, run=run)
    status, text, headers = get(lab, path)
    assert status == 200
    assert "<script" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_browser_is_asked_for_the_key(lab):
    status, text, headers = get(lab, "/", key="f" * 40)
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "API key" in text


@pytest.mark.parametrize(
    "path", ["/none/none", "/{entity}/none", "/{entity}/{project}/sweeps/none", "/{entity}/{project}/runs/none"]
)
def test_what_is_not_there_is_said_in_words(lab, sweep, path):
    status, text, _ = get(lab, path.format(entity=lab.server.entity, project=lab.project))
    assert status == 404
    assert "does not exist" in text


def test_a_sweep_that_is_searched_elsewhere_shows_names_values_and_the_log_of_its_search(lab):
    definition = {
        "method": "custom",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
        "scheduler": {"engine": "optuna"},
        "run_cap": 2,
    }
    sweep = lab.create(definition)
    note = {"wandbsweep": {"value": {"name": "ant.r.0", "number": 0, "score": 0.1234}}}
    lab.enqueue(sweep, {"x": {"value": 0.5}} | note)
    agent = lab.agent(sweep)
    for exitcode in (1, 0):
        run = lab.next_run(agent)
        lab.start(run, sweep)
        lab.finish(run, exitcode)
        lab.enqueue(sweep, {"x": {"value": 0.25}})
    path = f"/{lab.server.entity}/{lab.project}/sweeps/{sweep}"
    text = get(lab, path)[1]
    assert "custom search by optuna, minimize loss, 1 of 2 runs done" in text
    for shown in ("ant.r.0", ">0.5<", ">0.25<"):
        assert shown in text
    assert "0.1234" not in text
    assert "search writes its log" not in text
    query = "query($p: String, $s: String!) { project(name: $p) { sweep(sweepName: $s) { controllerRunName } } }"
    controller = lab.server.graphql(query, {"p": lab.project, "s": sweep})["project"]["sweep"]["controllerRunName"]
    lab.start(controller)
    assert f"/{lab.project}/runs/{controller}" in get(lab, path)[1]


def test_a_scan_without_a_metric_shows_none(lab):
    nothing = {"name": "wandbsweep/none", "goal": "minimize"}
    sweep = lab.create({"method": "custom", "metric": nothing, "parameters": {"scan": {"values": ["a", "b"]}}})
    lab.enqueue(sweep, {"scan": {"value": "a"}, "lr": {"value": 0.1}})
    text = get(lab, f"/{lab.server.entity}/{lab.project}/sweeps/{sweep}")[1]
    table = text.partition("<thead>")[2].partition("</thead>")[0]
    assert "lr" in table
    assert "wandbsweep/none" not in table
    assert get(lab, f"/{lab.server.entity}/{lab.project}")[0] == 200
