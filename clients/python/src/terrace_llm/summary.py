"""What was spent and saved, and the rows behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from terrace_llm.answer import usd
from terrace_llm.pb.terrace.common.v1 import attempt_pb2
from terrace_llm.pb.terrace.ledger.v1 import ledger_pb2

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

#: From when on: a moment, a span before now, or the same as text (`90m`, `24h`, `7d`).
Since = datetime | timedelta | str | None


@dataclass(frozen=True)
class Tier:
    """What one tier did."""

    tier: str
    attempts: int
    accepted: int
    #: Requests that it answered.
    answered: int
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int


@dataclass(frozen=True)
class Summary:
    """The bill of a span of time."""

    requests: int
    passed: int
    tiers: list[Tier]
    cost_nano_usd: int
    baseline_nano_usd: int
    #: Baseline less cost; negative when the tiers cost more than they saved.
    savings_nano_usd: int
    baseline_model: str
    raw: ledger_pb2.GetSummaryResponse

    @property
    def cost_usd(self) -> Decimal:
        """All that was spent."""
        return usd(self.cost_nano_usd)

    @property
    def savings_usd(self) -> Decimal:
        """All that was saved."""
        return usd(self.savings_nano_usd)


def timestamp_of(since: Since) -> Timestamp | None:
    """The moment on the wire; None for none."""
    if since is None:
        return None
    if isinstance(since, str):
        match = re.fullmatch(r"(\d+)([smhd])", since)
        if match is None:
            raise ValueError(f"a span is written as 90m, 24h or 7d, and not as {since!r}")
        since = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if isinstance(since, timedelta):
        since = datetime.now(timezone.utc) - since
    moment = Timestamp()
    moment.FromDatetime(since.astimezone(timezone.utc).replace(tzinfo=None))
    return moment


def summary_request(since: Since, until: Since, project: str) -> ledger_pb2.GetSummaryRequest:
    """The request on the wire."""
    request = ledger_pb2.GetSummaryRequest(project=project)
    for name, moment in (("from", timestamp_of(since)), ("until", timestamp_of(until))):
        if moment is not None:
            # `from` is a word of Python's own.
            getattr(request, name).CopyFrom(moment)
    return request


def summary_of(wire: ledger_pb2.GetSummaryResponse) -> Summary:
    """Reads a summary of the wire."""
    passed = (o.requests for o in wire.outcomes if o.outcome == ledger_pb2.REQUEST_OUTCOME_PASSED)
    return Summary(
        requests=wire.requests,
        passed=sum(passed),
        tiers=[_tier_of(tier) for tier in wire.tiers],
        cost_nano_usd=wire.cost_nano_usd,
        baseline_nano_usd=wire.baseline_nano_usd,
        savings_nano_usd=wire.savings_nano_usd,
        baseline_model=wire.baseline_model,
        raw=wire,
    )


def _tier_of(wire: ledger_pb2.TierSummary) -> Tier:
    return Tier(
        wire.tier,
        wire.attempts,
        wire.accepted,
        wire.answered,
        wire.usage.input_tokens,
        wire.usage.output_tokens,
        wire.cost_nano_usd,
    )


def row_of(event: ledger_pb2.UsageEvent) -> dict[str, Any]:
    """A row of the books, under the names that `terrace usage export` has for it."""
    step = event.step
    outcome = attempt_pb2.AttemptOutcome.Name(step.outcome)
    usage = step.usage
    return {
        "time": event.closed_at.ToDatetime(timezone.utc).isoformat(),
        "request_id": event.request_id,
        "step": step.step,
        "project": event.project,
        "action": event.action,
        "tier": step.target.tier,
        "backend": step.target.backend,
        "model": step.target.model,
        "outcome": outcome.removeprefix("ATTEMPT_OUTCOME_").lower(),
        "reason": step.reason,
        "answered": event.answered,
        "score": step.score if step.HasField("score") else None,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "tokens": usage.input_tokens + usage.output_tokens,
        "cost_nano_usd": step.cost_nano_usd,
        "baseline_nano_usd": event.baseline_nano_usd if event.HasField("baseline_nano_usd") else None,
        "latency_ms": step.latency.ToMilliseconds(),
        "tags": dict(event.tags),
    }
