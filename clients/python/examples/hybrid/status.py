"""How a daemon stands: its runs, quality, cost, and which tiers answered. Needs no Terrace."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .store import Memory, Store


def status(store: Store) -> str:
    """The page that `--status` prints."""
    runs, calls = store.runs(), store.calls()
    if not runs:
        return "Nothing has been done yet. Begin with --objective."
    return "\n".join([*_runs(runs), *_quality(calls), *_cost(calls), *_tiers(calls), *_memory(store)])


def memories(found: list[Memory]) -> str:
    """What `--memory` prints."""
    lines = [f"{_when(memory.at)}  {memory.topic}  {memory.text}" for memory in found]
    return "\n".join(lines) or "Nothing is remembered of that."


def _runs(runs: list[dict[str, Any]]) -> list[str]:
    lines = ["=== Runs ==="]
    for run in runs:
        below = "  " if run["parent"] else ""
        lines.append(f"{_when(run['began'])}  {below}{run['objective']}: {run['status']}, {run['steps']} steps")
    return lines


def _quality(calls: list[dict[str, Any]]) -> list[str]:
    scores = [call["score"] for call in calls if call["score"] is not None]
    passed = sum(call["passed"] for call in calls)
    mean = f", mean score {sum(scores) / len(scores):.2f}" if scores else ""
    return ["=== Quality ===", f"Answers: {len(calls)} ({passed} passed{mean})"]


def _cost(calls: list[dict[str, Any]]) -> list[str]:
    cost = sum(call["cost_nano"] for call in calls)
    known = [call for call in calls if call["baseline_nano"] is not None]
    lines = ["=== Cost ===", f"Cost: ${cost / 1e9:.6f}"]
    if known:
        baseline = sum(call["baseline_nano"] for call in known)
        saved = baseline - sum(call["cost_nano"] for call in known)
        share = f" ({saved / baseline * 100:.1f} %)" if baseline else ""
        lines.append(f"Saved: ${saved / 1e9:.6f}{share} of ${baseline / 1e9:.6f}")
    return lines


def _tiers(calls: list[dict[str, Any]]) -> list[str]:
    answered = Counter(call["tier"] for call in calls)
    tried = Counter(tier for call in calls for tier, _ in json.loads(call["attempts"]))
    lines = ["=== Tiers ==="]
    for tier, count in answered.most_common():
        share = count / len(calls) * 100
        lines.append(f"{tier}  {count} answers ({share:.1f} %), {tried[tier]} attempts")
    return lines


def _memory(store: Store) -> list[str]:
    topics = store.topics()
    told = ", ".join(f"{topic} ({count})" for topic, count in list(topics.items())[:10]) or "nothing"
    return ["=== Memory ===", told]


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")
