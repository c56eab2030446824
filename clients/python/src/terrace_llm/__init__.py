"""Terrace from Python: LLM requests over tiers of models, with a judge, budgets and a bill.

    from terrace_llm import Terrace

    with Terrace() as terrace:
        answer = terrace.route("Name the capital of France.")
        print(answer.text, answer.tier, answer.cost_usd)

`AsyncTerrace` is the same for asyncio. `LLMRouter` is for programs written for the original router.
"""

from terrace_llm.aio import AsyncStream, AsyncTerrace
from terrace_llm.answer import Answer, Attempt, ToolCall
from terrace_llm.client import Stream, Terrace
from terrace_llm.errors import Reason, TerraceError
from terrace_llm.judging import JudgeServer, Judgement
from terrace_llm.request import RouteOptions
from terrace_llm.router import LLMRouter
from terrace_llm.stream import Committed, Done, Event, Restart, Text
from terrace_llm.summary import Summary

__all__ = [
    "Answer",
    "AsyncStream",
    "AsyncTerrace",
    "Attempt",
    "Committed",
    "Done",
    "Event",
    "Judgement",
    "JudgeServer",
    "LLMRouter",
    "Reason",
    "Restart",
    "RouteOptions",
    "Stream",
    "Summary",
    "Terrace",
    "TerraceError",
    "Text",
    "ToolCall",
]
