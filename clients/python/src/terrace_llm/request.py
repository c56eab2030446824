"""Requests from what a Python program has at hand: a text or messages, and keyword arguments."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict, Union

from terrace_llm.pb.terrace.common.v1 import chat_pb2
from terrace_llm.pb.terrace.judge.v1 import judge_pb2
from terrace_llm.pb.terrace.router.v1 import router_pb2

#: A question, or a conversation: messages of the wire, or as `{"role": "user", "content": "…"}`.
Prompt = Union[str, Sequence[Union[chat_pb2.Message, Mapping[str, str]]]]


class RouteOptions(TypedDict, total=False):
    """How to route; whatever is left out is as Terrace's config says."""

    #: What the program is doing, as `edit_file`.
    action: str
    #: Instructions for the whole conversation, put before it.
    system: str
    #: Start, and stay, in this tier.
    tier: str
    #: Tiers that may be used.
    allowed_tiers: Sequence[str]
    #: This model and no other.
    model: str
    #: Score that an answer has to reach, 0 to 1.
    quality_threshold: float
    #: Whether the judge looks at all.
    quality_check: bool
    max_attempts: int
    max_repairs: int
    hedge: bool
    #: Most that the whole request may cost in its worst case, in US dollars.
    max_cost_usd: Decimal | float | str
    #: Fail when no answer passes, instead of giving the best one.
    strict: bool
    #: False: neither read nor kept; where the config has the cache switched on.
    cache: bool
    #: Models to ask at once; an empty list: those of the config.
    consensus: Sequence[str]
    max_output_tokens: int
    temperature: float
    stop: Sequence[str]
    seed: int
    #: JSON Schema that the answer must satisfy; `{}` for any JSON.
    json_schema: Mapping[str, Any]
    #: The answer has to be one of these.
    choices: Sequence[str]
    tools: Sequence[chat_pb2.Tool]
    code_language: str
    #: Free tags, kept in the ledger.
    tags: Mapping[str, str]
    #: The conversation that it belongs to.
    session_id: str
    #: The caller's own id, a UUID: the same id twice is never billed twice.
    request_id: str


_POLICY = ("tier", "model", "quality_threshold", "quality_check", "max_attempts", "max_repairs", "hedge")
_PARAMS = ("max_output_tokens", "temperature", "seed")
_ROLES = {
    "system": chat_pb2.ROLE_SYSTEM,
    "user": chat_pb2.ROLE_USER,
    "assistant": chat_pb2.ROLE_ASSISTANT,
}


def new_id() -> str:
    """A UUID of version 7: it begins with the time, which keeps the ledger's partitions small."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    return str(uuid.UUID(int=value))


def message(role: str, content: str) -> chat_pb2.Message:
    """A message of text; the role is system, user or assistant."""
    if role not in _ROLES:
        raise ValueError(f"the role has to be one of {', '.join(_ROLES)}, and is {role!r}")
    return chat_pb2.Message(role=_ROLES[role], parts=[chat_pb2.Part(text=content)])


def messages_of(prompt: Prompt, system: str = "") -> list[chat_pb2.Message]:
    """The conversation that a prompt stands for."""
    before = [message("system", system)] if system else []
    if isinstance(prompt, str):
        return [*before, message("user", prompt)]
    return [*before, *(_message_of(turn) for turn in prompt)]


def _message_of(turn: chat_pb2.Message | Mapping[str, str]) -> chat_pb2.Message:
    if isinstance(turn, chat_pb2.Message):
        return turn
    return message(turn["role"], turn["content"])


def request_of(prompt: Prompt, options: RouteOptions) -> router_pb2.RouteRequest:
    """The request on the wire. It always has an id, so that trying it again is never billed twice."""
    unknown = sorted(set(options) - set(RouteOptions.__annotations__))
    if unknown:
        raise TypeError(f"there is no option {', '.join(unknown)}; see terrace_llm.RouteOptions")
    return router_pb2.RouteRequest(
        request_id=options.get("request_id") or new_id(),
        action=options.get("action", ""),
        messages=messages_of(prompt, options.get("system", "")),
        params=_params(options),
        response_format=_format(options),
        tools=options.get("tools", ()),
        policy=_policy(options),
        code_language=options.get("code_language", ""),
        tags=options.get("tags", {}),
        session_id=options.get("session_id", ""),
    )


def judge_request(
    prompt: Prompt, text: str, action: str, threshold: float
) -> judge_pb2.JudgeRequest:
    """Asks what the judge says of a text."""
    return judge_pb2.JudgeRequest(
        messages=messages_of(prompt),
        output=message("assistant", text),
        finish_reason=chat_pb2.FINISH_REASON_STOP,
        action=action,
        threshold=threshold,
        request_id=new_id(),
    )


def _chosen(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if options.get(name) is not None}


def _params(options: RouteOptions) -> chat_pb2.GenerationParams:
    return chat_pb2.GenerationParams(stop=options.get("stop", ()), **_chosen(options, _PARAMS))


def _policy(options: RouteOptions) -> router_pb2.RoutePolicy:
    policy = router_pb2.RoutePolicy(**_chosen(options, _POLICY))
    policy.allowed_tiers.extend(options.get("allowed_tiers", ()))
    if options.get("strict") is not None:
        strict = options["strict"]
        kinds = router_pb2.ON_EXHAUSTED_BEST_EFFORT, router_pb2.ON_EXHAUSTED_STRICT
        policy.on_exhausted = kinds[strict]
    if options.get("max_cost_usd") is not None:
        policy.max_cost_nano_usd = int(Decimal(str(options["max_cost_usd"])) * 10**9)
    if options.get("cache") is False:
        policy.cache.no_read = policy.cache.no_write = True
    if options.get("consensus") is not None:
        policy.consensus.SetInParent()
        policy.consensus.models.extend(options["consensus"])
    return policy


def _format(options: RouteOptions) -> chat_pb2.ResponseFormat | None:
    schema, choices = options.get("json_schema"), options.get("choices")
    if schema is not None and schema:
        wanted = chat_pb2.JsonSchemaFormat(name="answer", schema_json=json.dumps(schema))
        return chat_pb2.ResponseFormat(json_schema=wanted)
    if schema is not None:
        return chat_pb2.ResponseFormat(json=chat_pb2.JsonFormat())
    if choices is not None:
        return chat_pb2.ResponseFormat(choice=chat_pb2.ChoiceFormat(options=choices))
    return None
