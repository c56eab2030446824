"""The name that programs of the original router import: `from llm_router import LLMRouter`."""

from terrace_llm.original import ModelConfig, QualityCheckResult, RoutingDecision, Tier, UsageStats
from terrace_llm.router import LLMRouter
from terrace_llm.router_command import main

__all__ = [
    "LLMRouter",
    "ModelConfig",
    "QualityCheckResult",
    "RoutingDecision",
    "Tier",
    "UsageStats",
]

if __name__ == "__main__":
    main()
