"""Reads many sweeps of one account in few requests, so that trouble with one of them stays with that one.

The order in which to look for the best run is in the sweep's own config, and only a sweep some of whose runs did not
simply finish is asked what became of them. So a sweep that is read for the first time may need a second look. What it
showed is remembered as a hint of what to ask; an answer that says otherwise is believed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING

from wandbsweep.tracking.answer_fields import MalformedAnswerError, an_object_or_none
from wandbsweep.tracking.errors import KeyRejected, PartialReadError, ServerFault, TrackingError
from wandbsweep.tracking.failures import server_name
from wandbsweep.tracking.graphql_client import Answer, AnswerTooLarge, GraphQLClient
from wandbsweep.tracking.graphql_reads import Look, Question, alias, batch_request, parse_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandbsweep.sweep.path import SweepPath
    from wandbsweep.tracking.protocol import Account, RunTags, SweepReading

_SWEEPS_PER_REQUEST = 20
_REMEMBERED_SWEEPS = 10_000

_Outcome = Look | TrackingError | None


class SweepReader:
    """Asks in batches and takes the answers apart."""

    def __init__(self, client: GraphQLClient, app_url: Callable[[str], str], tags: RunTags) -> None:
        self._client = client
        self._app_url = app_url
        self._tags = tags
        self._questions: OrderedDict[tuple[str, SweepPath], Question] = OrderedDict()

    async def read(self, account: Account, paths: Sequence[SweepPath]) -> Mapping[SweepPath, SweepReading | None]:
        """Read every sweep once; see the protocol for what is returned and raised."""
        distinct = list(dict.fromkeys(paths))
        batches = [distinct[i : i + _SWEEPS_PER_REQUEST] for i in range(0, len(distinct), _SWEEPS_PER_REQUEST)]
        outcomes: dict[SweepPath, _Outcome] = {}
        for batch in await asyncio.gather(*(self._read_batch(account, batch) for batch in batches)):
            outcomes |= batch
        failures: dict[SweepPath, TrackingError] = {}
        readings: dict[SweepPath, SweepReading | None] = {}
        for path in distinct:
            outcome = outcomes[path]
            if isinstance(outcome, TrackingError):
                failures[path] = outcome
            else:
                readings[path] = outcome and outcome.reading
        if failures and not readings:
            raise next(iter(failures.values()))
        if failures:
            raise PartialReadError(readings, failures)
        return readings

    async def _read_batch(self, account: Account, paths: Sequence[SweepPath]) -> dict[SweepPath, _Outcome]:
        questions = [self._questions.get((account.base_url, path)) or Question(path) for path in paths]
        # Few different texts: questions of a kind stand together.
        questions.sort(key=lambda question: (question.troubled, question.front, question.metric is not None))
        outcomes = await self._ask(account, questions)
        again = [q for q in (self._better_question(account, q, outcomes[q.path]) for q in questions) if q is not None]
        if again:
            outcomes |= await self._ask(account, again)
        return outcomes

    def _better_question(self, account: Account, asked: Question, outcome: _Outcome) -> Question | None:
        """Learn from a look; the question to ask at once if the one that was asked missed something."""
        if not isinstance(outcome, Look):
            return None
        right = outcome.right_question
        self._remember((account.base_url, asked.path), right)
        unasked = right.metric != asked.metric or (right.front and not asked.front)
        missed_results = unasked and outcome.reading.runs_by_state["finished"]
        return right if missed_results or (right.troubled and not asked.troubled) else None

    def _remember(self, sweep: tuple[str, SweepPath], question: Question) -> None:
        self._questions.pop(sweep, None)
        self._questions[sweep] = question
        if len(self._questions) > _REMEMBERED_SWEEPS:
            self._questions.popitem(last=False)

    async def _ask(self, account: Account, questions: Sequence[Question]) -> dict[SweepPath, _Outcome]:
        """Ask for all at once; halve the batch where one sweep may spoil the answer for the others."""
        text, variables = batch_request(questions, self._tags)
        try:
            answer = await self._client.ask(account, text, variables)
        except AnswerTooLarge as error:
            if len(questions) > 1:
                return await self._ask_halves(account, questions)
            return {questions[0].path: error}
        except TrackingError as error:
            return {question.path: error for question in questions}
        if answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and len(questions) > 1:
            return await self._ask_halves(account, questions)
        return {q.path: self._outcome(account, answer, alias(i), q) for i, q in enumerate(questions)}

    async def _ask_halves(self, account: Account, questions: Sequence[Question]) -> dict[SweepPath, _Outcome]:
        middle = len(questions) // 2
        first = await self._ask(account, questions[:middle])
        return first | await self._ask(account, questions[middle:])

    def _outcome(self, account: Account, answer: Answer, name: str, question: Question) -> _Outcome:
        complaints = [p.message for p in answer.problems if not p.path or p.path[0] == name]
        server = server_name(account)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status == HTTPStatus.FORBIDDEN:
            return KeyRejected(
                f"{server} does not let this API key read {question.path}: {answer.complaint}; "
                "check entity and project, and the key in the Secret"
            )
        if complaints or name not in answer.data:
            return ServerFault(f"{server} could not read {question.path}: {'; '.join(complaints) or answer.complaint}")
        try:
            project = an_object_or_none(answer.data, name)
            if project is None:
                return None
            return parse_sweep(question, project, self._tags, app=self._app_url(account.base_url))
        except MalformedAnswerError as error:
            return ServerFault(f"{server} answered about {question.path} in an unknown form: {error}")
