"""The original's command: `llm-router --config llm_config.yaml --prompt … --action … --quality-check`."""

from __future__ import annotations

import argparse
import logging

from terrace_llm.router import LLMRouter


def main() -> None:
    """Routes one prompt and prints what became of it."""
    parser = argparse.ArgumentParser(description="Routes one prompt over the tiers of a config.")
    parser.add_argument("--config", default="llm_config.yaml", help="config file")
    parser.add_argument("--prompt", required=True, help="what to ask")
    parser.add_argument("--action", default="unknown", help="what it is for, as edit_file")
    parser.add_argument("--quality-check", action="store_true", help="go a tier up where an answer falls short")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with LLMRouter(config_path=args.config) as router:
        (checked if args.quality_check else plain)(router, args.prompt, args.action)
        summary = router.get_cost_summary()
    print("\n=== Cost Summary ===")
    print(f"Total Cost: ${summary['total_cost']:.6f}")
    print(f"API-Only Cost: ${summary['api_only_cost']:.6f}")
    print(f"Savings: ${summary['savings']:.6f} ({summary['savings_pct']:.1f}%)")


def plain(router: LLMRouter, prompt: str, action: str) -> None:
    """One answer, whoever gives it."""
    decision = router.route(prompt, action_type=action)
    response, stats = router.call_model(decision.model, prompt)
    print(f"\n=== Response ===\n{response}\n\n=== Routing ===")
    print(f"Tier: {decision.tier.value}\nModel: {decision.model.name}")
    print(f"Cost: ${stats.cost:.6f}\nLatency: {stats.latency_ms}ms")


def checked(router: LLMRouter, prompt: str, action: str) -> None:
    """An answer that was looked at, and every attempt on the way to it."""
    response, decision, quality, stats = router.route_with_quality_check(prompt, action_type=action)
    print(f"\n=== Response ===\n{response}\n\n=== Routing ===")
    print(f"Tier: {decision.tier.value}\nModel: {decision.model.name}\nReason: {decision.reason}")
    print(f"\n=== Quality ===\nPassed: {quality.passed}\nConfidence: {quality.confidence:.2f}")
    print(f"Issues: {quality.issues}\n\n=== Stats ===")
    for number, call in enumerate(stats, 1):
        print(f"Attempt {number}: {call.model_name} - ${call.cost:.6f} - {call.latency_ms}ms")
