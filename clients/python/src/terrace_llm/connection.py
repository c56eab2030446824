"""What both clients share, the one with asyncio and the one without: where Terrace is, who calls, and how
each call is made; and what of a stream stands at a moment.
"""

from __future__ import annotations

from typing import Any, ClassVar

import grpc

from terrace_llm import channel as channels
from terrace_llm.answer import Answer
from terrace_llm.pb.terrace.judge.v1 import judge_pb2_grpc
from terrace_llm.pb.terrace.ledger.v1 import ledger_pb2_grpc
from terrace_llm.pb.terrace.router.v1 import router_pb2_grpc
from terrace_llm.stream import Draft


class Connection:
    """A connection to Terrace.

    `address` is `host:port`, `https://host:port` or a target of gRPC; TERRACE_ADDRESS and
    TERRACE_API_KEY hold where nothing is given. `timeout` is in seconds and for each call. With
    `wait_for_ready` calls wait, within their time, for a Terrace that is not there yet.
    """

    #: The module whose channels are used: `grpc`, or `grpc.aio`.
    _transport: ClassVar[Any] = grpc

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = channels.DEFAULT_TIMEOUT,
        wait_for_ready: bool = False,
    ) -> None:
        self.address = channels.address_of(address)
        target, tls = channels.target_of(self.address)
        if tls:
            credentials = grpc.ssl_channel_credentials()
            self._channel = self._transport.secure_channel(target, credentials, channels.options())
        else:
            self._channel = self._transport.insecure_channel(target, channels.options())
        self._timeout, self._wait = timeout, wait_for_ready
        self._metadata = channels.metadata_of(api_key)
        self._router: Any = router_pb2_grpc.RouterServiceStub(self._channel)
        self._judges: Any = judge_pb2_grpc.JudgeServiceStub(self._channel)
        self._ledger: Any = ledger_pb2_grpc.LedgerServiceStub(self._channel)

    def _how(self, timeout: float | None) -> dict[str, Any]:
        return {
            "timeout": self._timeout if timeout is None else timeout,
            "metadata": self._metadata,
            "wait_for_ready": self._wait,
        }


class Streamed:
    """What of an answer that comes as a stream stands at this moment."""

    def __init__(self, call: Any) -> None:
        self._call, self._draft = call, Draft()

    @property
    def text(self) -> str:
        """The text as it stands at this moment."""
        return self._draft.text

    @property
    def answer(self) -> Answer | None:
        """The whole answer, once the stream has ended well."""
        return self._draft.answer

    def cancel(self) -> None:
        """Ends it; what came is billed."""
        self._call.cancel()
