"""The calls that one router has made, and what they come to, as the original sums them up."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

from terrace_llm.original import Tier, UsageStats


class UsageLog:
    """Adds up in billionths of a dollar; floats are made when somebody looks."""

    def __init__(self) -> None:
        #: Every call, the first first.
        self.calls: list[UsageStats] = []
        self._cost = 0
        self._baseline = 0
        self._lock = threading.Lock()

    def add(self, calls: list[UsageStats], cost_nano_usd: int, baseline_nano_usd: int | None) -> None:
        """Notes the calls of one answer. An answer without a baseline counts as what it cost."""
        with self._lock:
            self.calls += calls
            self._cost += cost_nano_usd
            self._baseline += cost_nano_usd if baseline_nano_usd is None else baseline_nano_usd

    def rows(self) -> list[dict[str, Any]]:
        """Every call under the original's keys."""
        return [{**asdict(call), "tier": call.tier.value} for call in list(self.calls)]

    def summary(self) -> dict[str, Any]:
        """Cost, what the baseline model would have cost, and each tier's part."""
        with self._lock:
            calls, cost, baseline = list(self.calls), self._cost, self._baseline
        savings = baseline - cost
        tiers = dict.fromkeys(call.tier for call in calls)
        return {
            "total_cost": cost / 1e9,
            "api_only_cost": baseline / 1e9,
            "savings": savings / 1e9,
            "savings_pct": savings / baseline * 100 if baseline else 0,
            "total_calls": len(calls),
            "tier_stats": {
                tier.value: _tier([call for call in calls if call.tier == tier]) for tier in _sorted(tiers)
            },
        }


def _sorted(tiers: dict[Tier, None]) -> list[Tier]:
    known = list(Tier)
    return sorted(tiers, key=lambda tier: known.index(tier) if tier in known else len(known))


def _tier(calls: list[UsageStats]) -> dict[str, Any]:
    return {
        "calls": len(calls),
        "success_rate": sum(call.success for call in calls) / len(calls),
        "avg_quality": sum(call.quality_score or 0 for call in calls) / len(calls),
        "total_cost": sum(call.cost for call in calls),
    }
