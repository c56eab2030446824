"""What Terrace says when it cannot: one exception with a reason from a closed set.

docs/ERRORS.md tells what each reason means and what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from terrace_llm.answer import Attempt, attempt_of
from terrace_llm.pb.terrace.router.v1 import router_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

_DETAILS = "grpc-status-details-bin"


class Reason(str, Enum):
    """Why a call failed. Compares equal to its name, as `error.reason == "BUDGET_EXHAUSTED"`."""

    INVALID_REQUEST = "INVALID_REQUEST"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    REQUEST_ID_USED = "REQUEST_ID_USED"
    CANCELLED = "CANCELLED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    BUDGET_EXHAUSTED = "BUDGET_EXHAUSTED"
    OVERLOADED = "OVERLOADED"
    NO_CANDIDATE = "NO_CANDIDATE"
    QUALITY_NOT_REACHED = "QUALITY_NOT_REACHED"
    MODEL_NOT_FOUND = "MODEL_NOT_FOUND"
    BACKEND_UNREACHABLE = "BACKEND_UNREACHABLE"
    BACKEND_TIMEOUT = "BACKEND_TIMEOUT"
    BACKEND_RATE_LIMITED = "BACKEND_RATE_LIMITED"
    BACKEND_FAILED = "BACKEND_FAILED"
    BACKEND_REJECTED = "BACKEND_REJECTED"
    BACKEND_UNAUTHORIZED = "BACKEND_UNAUTHORIZED"
    BACKEND_MALFORMED = "BACKEND_MALFORMED"
    TRUNCATED = "TRUNCATED"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    CAPABILITY_MISSING = "CAPABILITY_MISSING"
    ALL_ATTEMPTS_FAILED = "ALL_ATTEMPTS_FAILED"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL = "INTERNAL"


#: The reason nearest to a status that did not come from Terrace, as one of a broken connection.
_NEAREST = {
    grpc.StatusCode.INVALID_ARGUMENT: Reason.INVALID_REQUEST,
    grpc.StatusCode.UNIMPLEMENTED: Reason.NOT_IMPLEMENTED,
    grpc.StatusCode.UNAUTHENTICATED: Reason.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED: Reason.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND: Reason.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS: Reason.REQUEST_ID_USED,
    grpc.StatusCode.CANCELLED: Reason.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED: Reason.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Reason.OVERLOADED,
    grpc.StatusCode.UNAVAILABLE: Reason.SERVICE_UNAVAILABLE,
    grpc.StatusCode.UNKNOWN: Reason.SERVICE_UNAVAILABLE,
}


@dataclass(eq=False)
class TerraceError(Exception):
    """A call that failed."""

    #: Why, from the closed set; a `Reason` unless a newer Terrace knows one that this package does not.
    reason: str
    #: What happened and what to do next.
    message: str
    #: The gRPC code that it came under.
    code: grpc.StatusCode
    #: Seconds after which it may be tried again, if Terrace says so.
    retry_after: float | None = None
    #: Wrong fields of the request, and what is wrong with each.
    fields: dict[str, str] = field(default_factory=dict)
    #: Budgets that said no, and why.
    quotas: dict[str, str] = field(default_factory=dict)
    #: Id of the request in the ledger; empty when it got none.
    request_id: str = ""
    #: The attempts made.
    attempts: list[Attempt] = field(default_factory=list)
    #: What they cost, in billionths of a US dollar.
    cost_nano_usd: int = 0

    @classmethod
    def of_batch(cls, failure: router_pb2.BatchFailure) -> TerraceError:
        """Why one request of a batch has no answer; the call itself went well."""
        return cls(
            reason=_known(failure.reason),
            message=failure.message,
            code=grpc.StatusCode.OK,
            request_id=failure.request_id,
            attempts=[attempt_of(attempt) for attempt in failure.attempts],
            cost_nano_usd=failure.cost_nano_usd,
        )

    def __str__(self) -> str:
        wrong = "".join(f"; {name}: {what}" for name, what in self.fields.items())
        reason = self.reason.value if isinstance(self.reason, Reason) else self.reason
        return f"{reason}: {self.message}{wrong}"


def _known(reason: str) -> str:
    return Reason(reason) if reason in Reason.__members__ else reason


def error_of(call: grpc.RpcError) -> TerraceError:
    """Reads the status that a call ended with."""
    code = call.code()
    error = TerraceError(_NEAREST.get(code, Reason.INTERNAL), call.details() or code.name, code)
    for detail in _details(call.trailing_metadata()):
        _read(detail, error)
    return error


def _details(metadata: Iterable[tuple[str, Any]] | None) -> Iterable[Any]:
    for name, value in metadata or ():
        if name == _DETAILS:
            return list(status_pb2.Status.FromString(value).details)
    return ()


def _read(detail: Any, error: TerraceError) -> None:
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    bad, quota = error_details_pb2.BadRequest(), error_details_pb2.QuotaFailure()
    failure = router_pb2.RouteFailure()
    if detail.Unpack(info) and info.domain == "terrace":
        error.reason = _known(info.reason)
    elif detail.Unpack(retry):
        error.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    elif detail.Unpack(bad):
        error.fields = {wrong.field: wrong.description for wrong in bad.field_violations}
    elif detail.Unpack(quota):
        error.quotas = {broken.subject: broken.description for broken in quota.violations}
    elif detail.Unpack(failure):
        error.request_id = failure.request_id
        error.attempts = [attempt_of(attempt) for attempt in failure.attempts]
        error.cost_nano_usd = failure.cost_nano_usd
