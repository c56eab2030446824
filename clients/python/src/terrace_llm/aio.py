"""The client for programs with asyncio: the same as `Terrace`, awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from terrace_llm.answer import Answer, answer_of
from terrace_llm.client import batch_result
from terrace_llm.connection import Connection, Streamed
from terrace_llm.errors import TerraceError, error_of
from terrace_llm.pb.terrace.common.v1 import model_pb2
from terrace_llm.pb.terrace.judge.v1 import judge_pb2
from terrace_llm.pb.terrace.ledger.v1 import ledger_pb2
from terrace_llm.pb.terrace.router.v1 import router_pb2
from terrace_llm.request import Prompt, RouteOptions, judge_request, request_of
from terrace_llm.stream import Commit, Event, stream_request
from terrace_llm.summary import Since, Summary, row_of, summary_of, summary_request

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as call:
        raise error_of(call) from None


class AsyncStream(Streamed):
    """The events of one answer. Leaving the `async with` block early ends everything, the model too."""

    async def __aiter__(self) -> AsyncIterator[Event]:
        with _told():
            async for wire in self._call:
                event = self._draft.take(wire)
                if event is not None:
                    yield event

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()


class AsyncTerrace(Connection):
    """A connection to Terrace for one event loop; arguments as of `Terrace`."""

    _transport = grpc.aio

    async def route(
        self, prompt: Prompt, *, timeout: float | None = None, **options: Unpack[RouteOptions]
    ) -> Answer:
        """Answers a prompt. Raises `TerraceError`."""
        with _told():
            return answer_of(await self._router.Route(request_of(prompt, options), **self._how(timeout)))

    def stream(
        self,
        prompt: Prompt,
        *,
        commit: Commit = "hold_back",
        prefix_tokens: int = 0,
        timeout: float | None = None,
        **options: Unpack[RouteOptions],
    ) -> AsyncStream:
        """Answers a prompt in pieces; `commit` says when text may leave. Iterating raises `TerraceError`."""
        request = stream_request(prompt, commit, prefix_tokens, options)
        return AsyncStream(self._router.RouteStream(request, **self._how(timeout)))

    async def batch(
        self,
        prompts: Iterable[Prompt],
        *,
        timeout: float | None = None,
        **options: Unpack[RouteOptions],
    ) -> AsyncIterator[tuple[int, Answer | TerraceError]]:
        """Answers many prompts, each as soon as it is there, with its position."""
        requests = (router_pb2.RouteBatchRequest(request=request_of(p, options)) for p in prompts)
        with _told():
            async for result in self._router.RouteBatch(requests, **self._how(timeout)):
                yield result.index, batch_result(result)

    async def explain(
        self, prompt: Prompt, *, timeout: float | None = None, **options: Unpack[RouteOptions]
    ) -> router_pb2.Plan:
        """The plan that `route` would use; calls no model."""
        request = router_pb2.ExplainRequest(request=request_of(prompt, options))
        with _told():
            return (await self._router.Explain(request, **self._how(timeout))).plan

    async def embed(
        self, texts: Iterable[str], *, tier: str = "", model: str = "", timeout: float | None = None
    ) -> list[list[float]]:
        """Turns texts into vectors, on the lowest tier that can unless one is named."""
        request = router_pb2.EmbedRequest(tier=tier, model=model, inputs=texts)
        with _told():
            embeddings = (await self._router.Embed(request, **self._how(timeout))).embeddings
        return [list(embedding.values) for embedding in embeddings]

    async def models(self, *, timeout: float | None = None) -> list[model_pb2.Model]:
        """All configured models, callable or not."""
        return list((await self.listed(timeout=timeout)).models)

    async def tiers(self, *, timeout: float | None = None) -> list[str]:
        """The tiers from the lowest to the highest."""
        return list((await self.listed(timeout=timeout)).tiers)

    async def listed(self, *, timeout: float | None = None) -> router_pb2.ListModelsResponse:
        """Tiers and models, as the wire has them."""
        with _told():
            return await self._router.ListModels(router_pb2.ListModelsRequest(), **self._how(timeout))

    async def judge(
        self,
        prompt: Prompt,
        text: str,
        *,
        action: str = "",
        threshold: float = 0.7,
        timeout: float | None = None,
    ) -> judge_pb2.Verdict:
        """What the judge says of a text as the answer to a prompt. Where keys are needed: one that manages."""
        request = judge_request(prompt, text, action, threshold)
        with _told():
            return (await self._judges.Judge(request, **self._how(timeout))).verdict

    async def summary(
        self,
        since: Since = None,
        until: Since = None,
        *,
        project: str = "",
        timeout: float | None = None,
    ) -> Summary:
        """What was spent and saved, since the beginning of the day unless something else is said."""
        request = summary_request(since, until, project)
        with _told():
            return summary_of(await self._ledger.GetSummary(request, **self._how(timeout)))

    async def budgets(self, *, project: str = "", timeout: float | None = None) -> list[ledger_pb2.Budget]:
        """Budgets and where they stand."""
        request = ledger_pb2.ListBudgetsRequest(project=project)
        with _told():
            return list((await self._ledger.ListBudgets(request, **self._how(timeout))).budgets)

    async def usage(self, filter: str = "", *, timeout: float | None = None) -> AsyncIterator[dict[str, Any]]:
        """Every call of a model that the filter lets through, the first first: docs/USAGE.md."""
        request = ledger_pb2.ExportUsageRequest(filter=filter)
        with _told():
            async for page in self._ledger.ExportUsage(request, **self._how(timeout)):
                for event in page.events:
                    yield row_of(event)

    async def close(self) -> None:
        """Closes the connection; calls in flight end."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
