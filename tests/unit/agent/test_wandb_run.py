"""What a trial may expect of W&B: an answer or none within the time that it gave, and never an exception."""

from __future__ import annotations

import json
import stat
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ports import reserved_port
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.wandb_account import find_account
from wandbsweep.agent.wandb_run import RunReporter, tags_after

KEY = "k" * 40
RUN = {
    "id": "UnVuOjE=",
    "state": "running",
    "tags": ["mine"],
    "summaryMetrics": '{"reward": 1.5}',
    "historyLineCount": 3,
    "wandbConfig": '{"t": {}}',
}


class Server:
    """Answers each request with the next of its answers, the last one for ever; an answer may be a function."""

    def __init__(self, *answers):
        self.requests = []
        self._answers = list(answers)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, json.loads(body), dict(self.headers), time.monotonic()))
                answer = outer._answers.pop(0) if len(outer._answers) > 1 else outer._answers[0]
                if callable(answer):
                    answer(self)
                    return
                status, text, *headers = answer
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def wandb():
    """Starts servers that answer as told."""
    servers = []

    def start(*answers):
        servers.append(Server(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def answer(run=RUN):
    return 200, json.dumps({"data": {"project": {"run": run}}})


def reporter(url, **variables):
    environ = {
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": KEY,
        "WANDB_ENTITY": "team",
        "WANDB_PROJECT": "lab",
        "WANDB_RUN_ID": "r1",
        "WANDBSWEEP_METRIC": "reward",
        **variables,
    }
    return RunReporter.from_environ({name: value for name, value in environ.items() if value})


def hangs(handler):
    threading.Event().wait(3)
    handler.close_connection = True


def drips(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(30):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        threading.Event().wait(0.1)


def hangs_up(handler):
    handler.close_connection = True


def test_a_run_is_told_as_it_is(wandb):
    look = reporter(wandb(answer()).url).look()
    assert (look.exists, look.begun, look.state, look.history_lines) == (True, True, "running", 3)
    assert (look.metric, look.metric_is_bad, look.tags) == (1.5, False, ("mine",))


def test_a_run_that_nobody_knows_is_told_apart_from_a_server_that_cannot_be_asked(wandb):
    assert reporter(wandb(answer(None)).url).look().exists is False
    assert reporter(wandb((500, "")).url).look(1.0) is None


def test_a_run_that_was_only_handed_out_has_not_begun(wandb):
    pending = {**RUN, "state": "pending", "historyLineCount": 0, "wandbConfig": "{}"}
    assert reporter(wandb(answer(pending)).url).look().begun is False


@pytest.mark.parametrize(
    ("summary", "name", "metric", "is_bad"),
    [
        ('{"reward": 2}', "reward", 2.0, False),
        ('{"a/b": 2, "a": 1}', "a/b", 2.0, False),
        ('{"a.b": 2, "a": {"b": 3}}', "a.b", 2.0, False),
        ('{"a": {"b": 3}}', "a.b", 3.0, False),
        ('{"reward": NaN}', "reward", None, True),
        ('{"reward": -Infinity}', "reward", None, True),
        ('{"reward": "NaN"}', "reward", None, True),
        ('{"reward": "Infinity"}', "reward", None, True),
        ('{"reward": null}', "reward", None, True),
        ('{"reward": 1e999}', "reward", None, True),
        ('{"reward": "fine"}', "reward", None, False),
        ('{"reward": true}', "reward", None, False),
        ('{"other": 1}', "reward", None, False),
        ('{"a": 1}', "a.b", None, False),
        ("{}", "reward", None, False),
        ('{"reward": 2}', "", None, False),
    ],
)
def test_the_metric_is_the_last_number_of_its_name_or_no_number_at_all(wandb, summary, name, metric, is_bad):
    server = wandb(answer({**RUN, "summaryMetrics": summary}))
    look = reporter(server.url, WANDBSWEEP_METRIC=name).look()
    assert (look.metric, look.metric_is_bad) == (metric, is_bad)


def test_nobody_listens():
    with reserved_port() as port:
        silent = reporter(f"http://127.0.0.1:{port}")
        assert silent.look(1.0) is None
        assert silent.mark_preempting(1.0) is False
        assert silent.tag(Cause.STALLED, "n1", 1.0) is False
        assert silent.complete(1, 1.0) is False


@pytest.mark.parametrize("answers", [hangs, drips])
def test_a_slow_server_takes_no_longer_than_it_is_given(wandb, answers):
    slow = reporter(wandb(answers).url)
    started = time.monotonic()
    assert slow.look(0.5) is None
    assert slow.mark_preempting(0.5) is False
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "wrong",
    [
        (200, "<html>a proxy</html>"),
        (200, "[]"),
        (200, "null"),
        (200, '{"data": null, "errors": [{"message": "no"}]}'),
        (200, '{"data": {"project": {"run": {}}}}'),
        (200, json.dumps({"data": {"project": {"run": {**RUN, "historyLineCount": "many"}}}})),
        (401, "{}"),
        (404, ""),
        (302, "", ("Location", "/elsewhere")),
    ],
)
def test_a_wrong_answer_is_no_answer_and_is_not_asked_for_again(wandb, wrong):
    server = wandb(wrong)
    assert reporter(server.url).look() is None
    assert len(server.requests) == 1


def test_the_key_is_not_carried_to_where_a_redirect_leads(wandb):
    elsewhere = wandb(answer())
    assert reporter(wandb((307, "", ("Location", elsewhere.url))).url).look() is None
    assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_used(wandb, monkeypatch):
    proxy = wandb(answer())
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    assert reporter("http://wandb.invalid").look().state == "running"
    assert proxy.requests[0][0] == "http://wandb.invalid/graphql"


@pytest.mark.parametrize("trouble", [(500, ""), (503, ""), hangs_up])
def test_trouble_that_passes_is_lived_through(wandb, trouble):
    server = wandb(trouble, trouble, answer())
    assert reporter(server.url).look().state == "running"
    assert len(server.requests) == 3


def test_it_is_not_tried_more_than_three_times(wandb):
    server = wandb((500, ""))
    assert reporter(server.url).look() is None
    assert len(server.requests) == 3


def test_a_server_that_asks_for_patience_gets_it_within_the_time_that_there_is(wandb):
    server = wandb((429, "", ("Retry-After", "1")), answer())
    assert reporter(server.url).look(5.0).state == "running"
    first, second = (request[3] for request in server.requests)
    assert second - first >= 1
    impatient = wandb((429, "", ("Retry-After", "60")), answer())
    started = time.monotonic()
    assert reporter(impatient.url).look(2.0) is None
    assert time.monotonic() - started < 2


def test_marks_and_last_words_go_to_the_stream_of_the_run(wandb):
    server = wandb((200, "{}"))
    run = reporter(server.url, WANDB_PROJECT="a lab/x")
    assert run.mark_preempting()
    assert run.complete(137)
    assert [(path, body) for path, body, _, _ in server.requests] == [
        ("/files/team/a%20lab%2Fx/r1/file_stream", {"preempting": True}),
        ("/files/team/a%20lab%2Fx/r1/file_stream", {"complete": True, "exitcode": 137}),
    ]


def test_a_cause_takes_the_place_of_the_last_one(wandb):
    old = {**RUN, "tags": ["mine", "wandbsweep:stalled", "wandbsweep.node:n0", "wandbsweep:preempted"]}
    server = wandb(answer(old), (200, '{"data": {"upsertBucket": {"bucket": {"id": "x"}}}}'))
    assert reporter(server.url).tag(Cause.OUT_OF_MEMORY, "n1")
    assert server.requests[1][1]["variables"] == {
        "id": RUN["id"],
        "tags": ["mine", "wandbsweep:preempted", "wandbsweep:out-of-memory", "wandbsweep.node:n1"],
    }


def test_a_run_that_finished_without_an_old_cause_is_not_written_to(wandb):
    server = wandb(answer())
    assert reporter(server.url).tag(Cause.FINISHED, "n1")
    assert len(server.requests) == 1


@given(st.lists(st.sampled_from(["mine", *(cause.tag for cause in Cause)]), unique=True), st.sampled_from(Cause))
def test_a_run_has_one_cause_and_remembers_that_it_was_preempted(before, cause):
    tags = tags_after(before, cause, "n1")
    causes = {tag for tag in tags if tag.startswith("wandbsweep:")} - {Cause.PREEMPTED.tag}
    assert causes == {cause.tag} - {Cause.PREEMPTED.tag, Cause.FINISHED.tag}
    assert (Cause.PREEMPTED.tag in tags) == (Cause.PREEMPTED.tag in before or cause is Cause.PREEMPTED)
    assert ("mine" in tags) == ("mine" in before)
    assert len(tags) == len(set(tags))


@pytest.mark.parametrize("missing", ["WANDB_API_KEY", "WANDB_ENTITY", "WANDB_PROJECT", "WANDB_RUN_ID"])
def test_without_knowing_the_run_nothing_is_reported(missing, tmp_path):
    assert reporter("http://127.0.0.1:1", HOME=str(tmp_path), **{missing: ""}) is None


@pytest.mark.parametrize("mode", ["offline", "disabled", "dryrun"])
def test_a_run_that_is_not_on_wandb_is_not_asked_about(mode):
    assert reporter("http://127.0.0.1:1", WANDB_MODE=mode) is None


def test_the_key_may_be_in_netrc_and_the_server_in_wandbs_settings(tmp_path):
    settings = tmp_path / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = http://wandb.lab:8080/\n")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine wandb.lab\n  login user\n  password {KEY}\n")
    netrc.chmod(stat.S_IRUSR | stat.S_IWUSR)
    account = find_account({"HOME": str(tmp_path)})
    assert (account.server, account.key) == ("http://wandb.lab:8080", KEY)
    assert find_account({"HOME": str(tmp_path), "WANDB_BASE_URL": "https://api.wandb.ai"}) is None


@pytest.mark.parametrize("text", ["machine wandb.lab passw", "\0", ""])
def test_a_netrc_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / ".netrc").write_text(text)
    assert find_account({"HOME": str(tmp_path), "WANDB_BASE_URL": "http://wandb.lab"}) is None


@pytest.mark.parametrize("url", ["ftp://host", "wandb.lab", "file:///etc/passwd", ""])
def test_only_web_addresses_are_asked(tmp_path, url):
    account = find_account({"HOME": str(tmp_path), "WANDB_BASE_URL": url, "WANDB_API_KEY": KEY})
    assert account is None or account.server == "https://api.wandb.ai"


def test_the_key_is_in_no_text_about_the_account_and_goes_out_as_the_sdk_sends_it(wandb, capfd):
    server = wandb((401, f'{{"error": "{KEY}"}}'))
    run = reporter(server.url, WANDB_API_KEY=f" {KEY}\n")
    assert run.look() is None
    assert KEY not in repr(run) + repr(run._account) + "".join(capfd.readouterr())
    assert server.requests[0][2]["Authorization"].startswith("Basic ")


def test_entries_of_the_summary_are_added_to_what_is_there(wandb):
    summary = '{"reward": 1e-07, "_wandb": {"runtime": 3}, "loss": NaN, "time.train": 2}'
    server = wandb(answer({**RUN, "summaryMetrics": summary}), (200, '{"data": {}}'))
    seen = []
    run = reporter(server.url)
    assert run.tag(Cause.FINISHED, None, summary=lambda found: seen.append(found) or {"time.total": 5.5})
    assert seen[0]["time.train"] == 2
    ((_, change, *_),) = server.requests[1:]
    assert "tags" not in change["variables"]
    assert change["variables"]["id"] == RUN["id"]
    assert change["variables"]["summaryMetrics"] == summary[:-1] + ', "time.total": 5.5}'


def test_when_a_run_was_closed_is_asked_for_on_demand_only(wandb):
    edges = [{"node": {"updatedAt": at}} for at in ("2026-01-01T10:00:00", "2026-01-01T11:00:00")]
    server = wandb(answer({**RUN, "files": {"edges": edges}}))
    run = reporter(server.url)
    assert run.look(closing=True).closed_at == "2026-01-01T11:00:00"
    run.look()
    assert ["wandb-summary.json" in body["query"] for _, body, *_ in server.requests] == [True, False]
