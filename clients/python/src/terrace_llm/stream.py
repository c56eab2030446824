"""An answer that comes in pieces, and may be taken back.

With `commit="provisional"` text leaves at once; when the judge then finds it short, a `Restart` says
so, and the next text is another model's, from its beginning. Whoever shows text clears it then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Union

from terrace_llm.answer import Answer, Attempt, answer_of, attempt_of
from terrace_llm.pb.terrace.router.v1 import router_pb2
from terrace_llm.request import RouteOptions, request_of

if TYPE_CHECKING:
    from terrace_llm.request import Prompt

Commit = Literal["hold_back", "prefix", "provisional"]

_COMMIT = {
    "hold_back": router_pb2.COMMIT_MODE_HOLD_BACK,
    "prefix": router_pb2.COMMIT_MODE_PREFIX,
    "provisional": router_pb2.COMMIT_MODE_PROVISIONAL,
}


@dataclass(frozen=True)
class Text:
    """More of the answer."""

    text: str
    #: Whether a `Restart` may still take it back.
    provisional: bool
    #: Position of the attempt that it belongs to.
    attempt: int


@dataclass(frozen=True)
class Restart:
    """An attempt fell short or failed: what it has said so far is to be dropped."""

    attempt: Attempt


@dataclass(frozen=True)
class Committed:
    """All text so far is final."""


@dataclass(frozen=True)
class Done:
    """The whole answer; the last event of every stream."""

    answer: Answer


Event = Union[Text, Restart, Committed, Done]


def stream_request(
    prompt: Prompt, commit: Commit, prefix_tokens: int, options: RouteOptions
) -> router_pb2.RouteStreamRequest:
    """The request on the wire."""
    if commit not in _COMMIT:
        raise ValueError(f"commit has to be one of {', '.join(_COMMIT)}, and is {commit!r}")
    return router_pb2.RouteStreamRequest(
        request=request_of(prompt, options), commit_mode=_COMMIT[commit], prefix_tokens=prefix_tokens
    )


class Draft:
    """What has come so far: each attempt's text, until it is taken back."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        #: The whole answer, once the stream has ended well.
        self.answer: Answer | None = None

    @property
    def text(self) -> str:
        """The text as it stands at this moment."""
        return "".join(piece for index in sorted(self._texts) for piece in self._texts[index])

    def take(self, wire: router_pb2.RouteStreamResponse) -> Event | None:
        """Notes an event of the wire; None for one that is of no interest to a reader of text."""
        kind = wire.WhichOneof("event")
        if kind == "chunk" and wire.chunk.text:
            chunk = wire.chunk
            self._texts.setdefault(chunk.attempt_index, []).append(chunk.text)
            return Text(chunk.text, chunk.provisional, chunk.attempt_index)
        if kind == "attempt_rejected":
            attempt = wire.attempt_rejected.attempt
            shown = self._texts.pop(attempt.index, None)
            return Restart(attempt_of(attempt)) if shown else None
        if kind == "committed":
            return Committed()
        if kind == "completed":
            self.answer = answer_of(wire.completed)
            return Done(self.answer)
        return None
