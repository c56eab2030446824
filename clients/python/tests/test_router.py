"""`LLMRouter` as programs of the original use it; the snippets are those of its README."""

import json
import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import CAPITAL, HARDER

from llm_router import LLMRouter, ModelConfig, QualityCheckResult, Tier
from terrace_llm.request import new_id

MODELS = os.environ["TERRACE_TEST_MODELS"]

#: A file as the original has it; the fast model is there under the original's double name.
ORIGINAL = f"""
tiers:
  local_fast:
    models:
      - {{name: phi3-mini, provider: vllm, model_id: small, endpoint: "{MODELS}/v1/completions",
          max_tokens: 512, temperature: 0.7, timeout: 60, cost_per_1k_tokens: 0.0, enabled: true}}
  local_quality:
    models:
      - {{name: mixtral, provider: vllm, model_id: middle, endpoint: "{MODELS}/v1/completions",
          cost_per_1k_tokens: 0.0, enabled: true}}
routing:
  prefer_local: true
  quality_threshold: 0.7
  max_fallback_attempts: 2
  enable_caching: false
  action_tier_overrides: {{classify_memory: local_fast}}
cost_control: {{daily_budget: 10.0, alert_threshold: 80}}
"""


@pytest.fixture(scope="module")
def router(address):
    with LLMRouter(address=address) as router:
        yield router


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("original") / "llm_config.yaml"
    path.write_text(ORIGINAL)
    return path


@pytest.fixture
def own(original, monkeypatch):
    """A router that runs a Terrace of its own, as without any address it does."""
    monkeypatch.delenv("TERRACE_ADDRESS")
    made = []

    def make(kind=LLMRouter):
        made.append(kind(config_path=str(original)))
        return made[-1]

    yield make
    for router in made:
        router.close()


def test_a_route_is_its_answer_and_knows_who_gave_it(router):
    response = router.route(prompt=CAPITAL, action_type="classify_memory")
    assert "Paris" in response and json.dumps(response)
    assert (response.tier, response.model.name) == (Tier.LOCAL_FAST, "small")
    assert [model.name for model in response.fallback_chain] == ["middle", "big"]


def test_calling_the_model_of_a_route_is_one_call_and_another_prompt_a_second(router):
    before = len(router.usage_log)
    decision = router.route(CAPITAL)
    response, stats = router.call_model(decision.model, CAPITAL)
    assert response == decision and stats.success
    assert len(router.usage_log) == before + 1
    router.call_model(decision.model, CAPITAL + " Now.")
    assert len(router.usage_log) == before + 2


def test_critical_prompts_go_to_the_highest_tier(router):
    decision = router.route(CAPITAL, quality_critical=True)
    assert decision.tier.value == "api_fallback" and decision.estimated_cost == 0.01


def test_quality_check_with_fallback(router):
    response, decision, quality, stats = router.route_with_quality_check(
        prompt=HARDER, action_type="consolidate", max_fallback_attempts=2
    )
    assert "Paris" in response and decision.model.name == "middle"
    assert quality.passed and quality.confidence >= 0.7
    assert [(call.model_name, call.fallback_used) for call in stats] == [
        ("small", True),
        ("middle", False),
    ]
    assert stats[0].quality_score < 0.7


def test_a_context_becomes_tags_and_what_does_not_fit_is_left_out(router):
    case = new_id()
    context = {"iteration": 3, "case": case, "history": [1, 2], "long": "x" * 1000}
    router.route_with_quality_check(CAPITAL, context=context)
    row = next(iter(router.terrace.usage(f"since=1h tag.case={case}")))
    assert row["tags"] == {"iteration": "3", "case": case}


def test_the_readmes_minimal_integration_runs_unchanged(router):
    logged = []
    logger = SimpleNamespace(info=logged.append)

    def call_llm(prompt, verbose=False, action_type="unknown"):
        """Call LLM with hybrid routing"""
        response, decision, quality, stats = router.route_with_quality_check(
            prompt,
            action_type=action_type
        )

        if verbose:
            logger.info(f"Routed to: {decision.model.name}")
            logger.info(f"Cost: ${sum(s.cost for s in stats):.6f}")

        return response

    assert "Paris" in call_llm(CAPITAL, verbose=True)
    assert logged == ["Routed to: small", "Cost: $0.000000"]


def test_the_readmes_monitoring_runs_unchanged(address, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with LLMRouter(address=address) as router:
        router.route_with_quality_check(HARDER)
        router.route(CAPITAL, quality_critical=True)

        # Get cost summary
        summary = router.get_cost_summary()

        print(f"Total cost: ${summary['total_cost']:.4f}")
        print(f"Savings: {summary['savings_pct']:.1f}%")
        print(f"Tier stats:")
        for tier, stats in summary['tier_stats'].items():
            print(f"  {tier}: {stats['calls']} calls")

        # Export to JSONL
        router.export_usage_log("llm_usage.jsonl")
    assert capsys.readouterr().out.splitlines() == [
        "Total cost: $0.0100",
        "Savings: 50.0%",
        "Tier stats:",
        "  local_fast: 1 calls",
        "  local_quality: 1 calls",
        "  api_fallback: 1 calls",
    ]
    # jq '.[] | select(.tier == "api_fallback")' llm_usage.jsonl
    rows = json.loads((tmp_path / "llm_usage.jsonl").read_text())
    assert [row["cost"] for row in rows if row["tier"] == "api_fallback"] == [0.01]
    assert set(rows[0]) == {
        "tier", "model_name", "prompt_tokens", "completion_tokens", "cost", "latency_ms", "success",
        "quality_score", "fallback_used",
    }


def test_the_judge_looks_at_any_text(router):
    refusal = "I'm sorry, but I can't help with that."
    result = router.check_quality(refusal, "edit_file", {"prompt": CAPITAL})
    assert not result.passed and any("refusal" in issue for issue in result.issues)


class Shouting(LLMRouter):
    """Wants every answer to end with two exclamation marks, unless the middle model gives it."""

    def check_quality(self, response, action_type, context):
        self.__dict__.setdefault("seen", []).append((action_type, context.get("wish")))
        if action_type == "consolidate" and len(self.seen) == 1:
            return QualityCheckResult(passed=False, confidence=0.2, issues=["too quiet"], reasoning="")
        # Use parent implementation
        return super().check_quality(response, action_type, context)


def test_an_own_check_against_a_running_terrace_goes_up_from_here(address):
    with Shouting(address=address) as router:
        _, decision, quality, stats = router.route_with_quality_check(
            CAPITAL, action_type="consolidate", context={"wish": "loud"}
        )
    assert [call.model_name for call in stats] == ["small", "middle"]
    assert decision.model.name == "middle" and quality.passed
    assert router.seen == [("consolidate", "loud")] * 2


def test_an_own_check_is_a_judge_of_the_terrace_that_the_router_starts(own):
    router = own(Shouting)
    _, decision, quality, stats = router.route_with_quality_check(
        CAPITAL, action_type="consolidate", context={"wish": "loud"}
    )
    # The original's names, both attempts in one request, and the finding in the books.
    assert [call.model_name for call in stats] == ["phi3-mini", "mixtral"]
    assert decision.model.name == "mixtral" and quality.passed
    assert router.seen == [("consolidate", "loud")] * 2
    rows = list(router.terrace.usage("since=1h"))
    assert len({row["request_id"] for row in rows[-2:]}) == 1


def test_a_file_of_the_original_is_told_in_terraces_keys(own, caplog):
    with caplog.at_level(logging.WARNING):
        router = own()
    assert [model.name for model in router.models[Tier.LOCAL_FAST]] == ["phi3-mini"]
    assert router.models[Tier.LOCAL_FAST][0].max_tokens == 512
    assert "routing.prefer_local" in caplog.text and "temperature" in caplog.text
    budget = router.terrace.budgets()[0]
    assert (budget.cap_nano_usd, budget.alert_threshold) == (10 * 10**9, 0.8)


def test_a_config_that_does_not_hold_says_why(tmp_path, monkeypatch):
    monkeypatch.delenv("TERRACE_ADDRESS")
    path = tmp_path / "llm_config.yaml"
    path.write_text("routing: {quality_treshold: 0.5}\n")
    with pytest.raises(RuntimeError, match="quality_threshold"):
        LLMRouter(config_path=path)


def test_the_originals_command_prints_the_same_lines(address):
    ran = subprocess.run(
        [sys.executable, "-m", "llm_router", "--prompt", HARDER, "--action", "consolidate", "--quality-check"],
        capture_output=True, text=True, check=True,
    )
    for line in ["=== Response ===", "Tier: local_quality", "Model: middle", "Passed: True", "Attempt 2: middle"]:
        assert line in ran.stdout


def test_tiers_have_the_originals_names_and_those_of_the_config():
    assert Tier("local_fast") is Tier.LOCAL_FAST == "local_fast"
    assert Tier("mine").value == "mine" and Tier("mine") is Tier("mine")
    assert ModelConfig("a", Tier.LOCAL_FAST, "ollama", "a:1b").max_tokens == 4096
