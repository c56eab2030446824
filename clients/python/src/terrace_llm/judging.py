"""A judge of one's own, in a line: `JudgeServer(function)` is a server that Terrace asks.

Name its `url` under `judge.external` of the config; docs/JUDGE.md tells how its word counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from terrace_llm.answer import text_of
from terrace_llm.pb.terrace.judge.v1 import judge_pb2, judge_pb2_grpc

if TYPE_CHECKING:
    from typing_extensions import Self

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """An answer that is to be judged, and what it answers."""

    #: The text of the answer.
    response: str
    #: The text of the last message before it.
    prompt: str
    action: str
    #: Score that the answer has to reach.
    threshold: float
    request_id: str
    model: str
    raw: judge_pb2.JudgeRequest


@dataclass(frozen=True)
class Judgement:
    """What a judge says. The words go into the ledger and must not quote the answer."""

    score: float
    passed: bool
    words: str = ""


#: Judges an answer; None where it has nothing to say.
Judge = Callable[[Asked], "Judgement | None"]


class _Servicer(judge_pb2_grpc.JudgeServiceServicer):
    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def Judge(self, request: judge_pb2.JudgeRequest, context: Any) -> judge_pb2.JudgeResponse:  # noqa: N802
        try:
            judgement = self._judge(_asked_of(request))
        except Exception:
            _LOG.exception("the judge failed")
            context.abort(grpc.StatusCode.INTERNAL, "the judge failed: see the log of its program")
        return judge_pb2.JudgeResponse(verdict=_verdict_of(judgement, request.threshold))


class JudgeServer:
    """Serves `terrace.judge.v1.JudgeService`; a thread for each answer that is being judged.

    `listen` is an address of this machine; port 0 lets the system choose. What the judge raises is
    logged and told to Terrace, which then judges without it unless its config says `required`.
    """

    def __init__(self, judge: Judge, listen: str = "127.0.0.1:0", threads: int = 8) -> None:
        self._server = grpc.server(ThreadPoolExecutor(threads, thread_name_prefix="judge"))
        judge_pb2_grpc.add_JudgeServiceServicer_to_server(_Servicer(judge), self._server)
        port = self._server.add_insecure_port(listen)
        #: What `judge.external[].url` has to say.
        self.url = f"http://{listen.rpartition(':')[0]}:{port}"
        self._server.start()

    def wait(self) -> None:
        """Serves until it is closed, for programs that are nothing but a judge."""
        self._server.wait_for_termination()

    def close(self) -> None:
        """Stops; who is being judged gets half a second."""
        self._server.stop(0.5).wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _asked_of(request: judge_pb2.JudgeRequest) -> Asked:
    return Asked(
        response=text_of(request.output),
        prompt=text_of(request.messages[-1]) if request.messages else "",
        action=request.action,
        threshold=request.threshold,
        request_id=request.request_id,
        model=request.model,
        raw=request,
    )


def _verdict_of(judgement: Judgement | None, threshold: float) -> judge_pb2.Verdict:
    if judgement is None:
        return judge_pb2.Verdict(undecided=True, threshold=threshold)
    score = min(max(judgement.score, 0.0), 1.0)
    finding = judge_pb2.CheckFinding(check="own", score=score, weight=1, finding=judgement.words)
    return judge_pb2.Verdict(
        score=score, passed=judgement.passed, threshold=threshold, checks=[finding]
    )
