"""The client against a running Terrace: answers, errors, deadlines, money."""

from decimal import Decimal

import grpc
import pytest
from conftest import BROKEN, CAPITAL, HARDER, OUT_OF_TIME, SLOW

from terrace_llm import Reason, Terrace, TerraceError
from terrace_llm.request import new_id


def test_an_answer_says_who_gave_it_and_what_it_cost(terrace):
    answer = terrace.route(CAPITAL, action="write_memory", tags={"team": "search"})
    assert "Paris" in answer.text
    assert (answer.tier, answer.model, answer.passed) == ("local_fast", "small", True)
    assert [attempt.outcome for attempt in answer.attempts] == ["accepted"]
    assert answer.cost_usd == 0
    assert answer.saved_usd == Decimal("0.01")


def test_what_falls_short_is_answered_one_tier_up(terrace):
    answer = terrace.route(HARDER)
    assert [(a.model, a.outcome) for a in answer.attempts] == [
        ("small", "rejected"),
        ("middle", "accepted"),
    ]
    assert answer.attempts[0].score < 0.7 <= answer.score


def test_policy_tier_and_money_are_honoured(terrace):
    assert terrace.route(CAPITAL, tier="api_fallback").cost_usd == Decimal("0.01")
    assert terrace.route(CAPITAL, model="middle").model == "middle"
    with pytest.raises(TerraceError) as refused:
        terrace.route(CAPITAL, tier="api_fallback", max_cost_usd="0.001")
    assert refused.value.reason == Reason.NO_CANDIDATE


def test_json_and_choices_are_asked_for(terrace):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert terrace.route("Which city, as JSON?", json_schema=schema).json() == {"city": "Paris"}
    assert not terrace.route(CAPITAL, choices=["yes", "no"]).passed


def test_conversations_are_sent_as_they_are(terrace):
    turns = [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": CAPITAL},
    ]
    assert "Paris" in terrace.route(turns, system="Be brief.").text
    with pytest.raises(ValueError, match="role"):
        terrace.route([{"role": "robot", "content": "Hello."}])


def test_an_option_that_is_not_known_is_refused_before_any_call(terrace):
    with pytest.raises(TypeError, match="temprature"):
        terrace.route(CAPITAL, temprature=1.0)


def test_wrong_fields_are_all_named(terrace):
    with pytest.raises(TerraceError) as wrong:
        terrace.route(CAPITAL, temperature=9.0, tier="penthouse")
    error = wrong.value
    assert (error.reason, error.code) == (
        Reason.INVALID_REQUEST,
        grpc.StatusCode.INVALID_ARGUMENT,
    )
    assert set(error.fields) == {"params.temperature", "policy.tier"}
    assert "policy.tier" in str(error)


def test_a_failure_tells_every_attempt_and_is_not_tried_again(terrace):
    request_id = new_id()
    with pytest.raises(TerraceError) as broken:
        terrace.route(BROKEN, request_id=request_id)
    error = broken.value
    assert (error.reason, error.request_id) == (Reason.BACKEND_FAILED, request_id)
    assert [attempt.outcome for attempt in error.attempts] == ["failed"] * 3
    with pytest.raises(TerraceError) as again:
        terrace.route(CAPITAL, request_id=request_id)
    assert again.value.reason == Reason.REQUEST_ID_USED


def test_the_same_id_twice_is_billed_once(terrace):
    request_id = new_id()
    first = terrace.route(CAPITAL, tier="api_fallback", request_id=request_id)
    second = terrace.route(CAPITAL, tier="api_fallback", request_id=request_id)
    assert (first.text, first.cost_nano_usd) == (second.text, second.cost_nano_usd)
    rows = [row for row in terrace.usage("model=big") if row["request_id"] == request_id]
    assert [row["cost_nano_usd"] for row in rows] == [10_000_000]


def test_a_deadline_ends_a_call(terrace):
    with pytest.raises(TerraceError) as late:
        terrace.route(SLOW, timeout=0.5)
    assert late.value.reason in OUT_OF_TIME


def test_a_call_without_a_valid_key_reaches_nothing(address):
    with Terrace(address, api_key="tk_wrong") as stranger, pytest.raises(TerraceError) as refused:
        stranger.route(CAPITAL)
    assert refused.value.reason == Reason.UNAUTHENTICATED


def test_a_plan_calls_no_model(terrace):
    before = terrace.summary("1h").requests
    plan = terrace.explain(CAPITAL, action="edit_file")
    assert plan.candidates[0].tier == "local_quality" and plan.candidates[0].why
    assert terrace.summary("1h").requests == before


def test_models_tiers_and_vectors(terrace):
    assert terrace.tiers() == ["local_fast", "local_quality", "api_fallback"]
    assert {model.name for model in terrace.models()} == {"small", "middle", "big"}
    assert len(terrace.embed(["a", "bbb"])) == 2


def test_a_batch_has_every_answer_in_its_place(terrace):
    prompts = [CAPITAL, BROKEN, HARDER]
    results = dict(terrace.batch(prompts))
    assert results[0].model == "small"
    assert results[1].reason == Reason.BACKEND_FAILED
    assert results[2].model == "middle"


def test_the_bill_adds_up(terrace):
    case, before = new_id(), terrace.summary("1h")
    terrace.route(HARDER, tags={"case": case})
    after = terrace.summary("1h")
    assert after.requests == before.requests + 1
    assert after.savings_usd - before.savings_usd == Decimal("0.01")
    assert sum(tier.cost_nano_usd for tier in after.tiers) == after.cost_nano_usd
    rows = list(terrace.usage(f"since=1h tag.case={case}"))
    assert [(row["model"], row["answered"]) for row in rows] == [("small", False), ("middle", True)]
    assert terrace.budgets() == []


def test_nobody_there_is_told_within_the_time():
    with Terrace("127.0.0.1:1", timeout=20) as nobody, pytest.raises(TerraceError) as away:
        nobody.route(CAPITAL)
    assert away.value.reason == Reason.SERVICE_UNAVAILABLE


def test_asyncio_has_the_same(in_loop):
    async def work(client):
        answer = await client.route(HARDER)
        results = {index: result async for index, result in client.batch([CAPITAL])}
        rows = [row async for row in client.usage("since=1h model=middle")]
        summary = await client.summary("1h")
        with pytest.raises(TerraceError) as wrong:
            await client.route(CAPITAL, tier="penthouse")
        return answer, results, rows, summary, wrong.value

    answer, results, rows, summary, wrong = in_loop(work)
    assert answer.model == "middle" and results[0].model == "small"
    assert rows and summary.requests > 0
    assert set(wrong.fields) == {"policy.tier"}
