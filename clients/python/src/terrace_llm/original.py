"""The types that programs written for the original router hold in their hands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Tier(str, Enum):
    """A tier by its name. A tier that only the config knows is one too: `Tier("my_tier")`."""

    LOCAL_FAST = "local_fast"
    LOCAL_QUALITY = "local_quality"
    API_FALLBACK = "api_fallback"

    @classmethod
    def _missing_(cls, value: object) -> Tier | None:
        if not isinstance(value, str):
            return None
        tier = str.__new__(cls, value)
        tier._name_, tier._value_ = value.upper(), value
        cls._value2member_map_[value] = tier
        return tier


@dataclass
class ModelConfig:
    """A model as Terrace runs it."""

    #: As the config calls it.
    name: str
    tier: Tier
    #: The backend that runs it.
    provider: str
    #: As its backend knows it.
    model_id: str
    max_tokens: int = 4096
    temperature: float | None = None
    timeout: float = 60
    #: US dollars per thousand input tokens.
    cost_per_1k_tokens: float = 0.0
    context_window: int = 8192
    enabled: bool = True
    endpoint: str | None = None
    #: The answer that `route` has got from it, so that `call_model` need not ask a second time.
    answered: tuple[str, str, UsageStats] | None = field(default=None, repr=False, compare=False)


@dataclass
class QualityCheckResult:
    """What is said of an answer."""

    passed: bool
    #: The score, 0.0 to 1.0.
    confidence: float
    #: What was found wrong.
    issues: list[str]
    reasoning: str


@dataclass
class UsageStats:
    """One call of a model."""

    tier: Tier
    model_name: str
    prompt_tokens: int
    completion_tokens: int
    #: US dollars.
    cost: float
    latency_ms: int
    #: Whether the model gave an answer, good enough or not.
    success: bool
    quality_score: float | None = None
    #: Whether another call followed because this one fell short or failed.
    fallback_used: bool = False


class RoutingDecision(str):
    """Who answers, and why. As text it is the answer: `print(router.route("…"))` shows it."""

    tier: Tier
    model: ModelConfig
    reason: str
    #: What it has cost, in US dollars.
    estimated_cost: float
    #: The first model of each higher tier.
    fallback_chain: list[ModelConfig]

    @classmethod
    def of(cls, text: str, **about: Any) -> RoutingDecision:
        """The decision behind an answer."""
        decision = cls(text)
        vars(decision).update(about)
        return decision
