"""Answers as Python knows them: the text, who gave it, what it cost, and everything that was tried.

`raw` is the message of the wire, with what is not repeated here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from terrace_llm.pb.terrace.common.v1 import attempt_pb2, chat_pb2
from terrace_llm.pb.terrace.judge.v1 import judge_pb2
from terrace_llm.pb.terrace.router.v1 import router_pb2

_NANO = Decimal(10) ** 9


def usd(nano_usd: int) -> Decimal:
    """An amount in US dollars, exactly."""
    return Decimal(nano_usd) / _NANO


@dataclass(frozen=True)
class ToolCall:
    """A call that the model wants made."""

    id: str
    name: str
    #: As the model wrote them; not always valid JSON.
    arguments_json: str

    @property
    def arguments(self) -> Any:
        """The arguments; raises `json.JSONDecodeError` when the model wrote no JSON."""
        return json.loads(self.arguments_json)


@dataclass(frozen=True)
class Attempt:
    """One model tried."""

    tier: str
    backend: str
    model: str
    #: `accepted`, `rejected`, `failed`, `cancelled`, `skipped` or `presumed`.
    outcome: str
    #: Reason of a failure; empty otherwise.
    reason: str
    #: What happened, in a sentence.
    detail: str
    #: The judge's score, 0 to 1; None when it was not asked.
    score: float | None
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int
    latency_seconds: float
    raw: router_pb2.Attempt

    @property
    def cost_usd(self) -> Decimal:
        """What it cost."""
        return usd(self.cost_nano_usd)


@dataclass(frozen=True)
class Answer:
    """An answer and how it came to be."""

    text: str
    tool_calls: list[ToolCall]
    request_id: str
    tier: str
    backend: str
    model: str
    #: Whether the judge passed it, or models agreed on it.
    passed: bool
    #: The judge's score, 0 to 1; None when nobody asked the judge.
    score: float | None
    attempts: list[Attempt]
    #: What all attempts cost, in billionths of a US dollar.
    cost_nano_usd: int
    #: What the baseline model would have cost; None when that is not known.
    baseline_nano_usd: int | None
    latency_seconds: float
    #: Whether it came from the cache.
    cached: bool
    raw: router_pb2.RouteResponse

    @property
    def cost_usd(self) -> Decimal:
        """What all attempts cost."""
        return usd(self.cost_nano_usd)

    @property
    def saved_usd(self) -> Decimal | None:
        """Baseline less cost; negative when the tiers cost more. None without a baseline."""
        baseline = self.baseline_nano_usd
        return None if baseline is None else usd(baseline - self.cost_nano_usd)

    def json(self) -> Any:
        """The text read as JSON."""
        return json.loads(self.text)


def text_of(message: chat_pb2.Message) -> str:
    """All text of a message."""
    return "".join(part.text for part in message.parts if part.WhichOneof("kind") == "text")


def _tool_calls(message: chat_pb2.Message) -> list[ToolCall]:
    calls = (part.tool_call for part in message.parts if part.WhichOneof("kind") == "tool_call")
    return [ToolCall(call.id, call.name, call.arguments_json) for call in calls]


def _score(verdict: judge_pb2.Verdict | None) -> float | None:
    return None if verdict is None or verdict.undecided else float(verdict.score)


def attempt_of(wire: router_pb2.Attempt) -> Attempt:
    """Reads an attempt of the wire."""
    outcome = attempt_pb2.AttemptOutcome.Name(wire.outcome)
    return Attempt(
        tier=wire.tier,
        backend=wire.backend,
        model=wire.model,
        outcome=outcome.removeprefix("ATTEMPT_OUTCOME_").lower(),
        reason=wire.reason,
        detail=wire.detail,
        score=_score(wire.verdict if wire.HasField("verdict") else None),
        input_tokens=wire.usage.input_tokens,
        output_tokens=wire.usage.output_tokens,
        cost_nano_usd=wire.cost_nano_usd,
        latency_seconds=wire.latency.ToTimedelta().total_seconds(),
        raw=wire,
    )


def answer_of(wire: router_pb2.RouteResponse) -> Answer:
    """Reads an answer of the wire."""
    baseline = wire.baseline_nano_usd if wire.HasField("baseline_nano_usd") else None
    return Answer(
        text=text_of(wire.output),
        tool_calls=_tool_calls(wire.output),
        request_id=wire.request_id,
        tier=wire.decision.tier,
        backend=wire.decision.backend,
        model=wire.decision.model,
        passed=wire.passed,
        score=_score(wire.verdict if wire.HasField("verdict") else None),
        attempts=[attempt_of(attempt) for attempt in wire.attempts],
        cost_nano_usd=wire.cost_nano_usd,
        baseline_nano_usd=baseline,
        latency_seconds=wire.latency.ToTimedelta().total_seconds(),
        cached=wire.HasField("cached"),
        raw=wire,
    )
