"""What needs no Terrace: addresses, requests, the original's config, errors of other people."""

import uuid

import grpc
import pytest

from terrace_llm import original_config
from terrace_llm.channel import address_of, metadata_of, target_of
from terrace_llm.errors import Reason, error_of
from terrace_llm.request import new_id, request_of


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:7600", ("dns:///127.0.0.1:7600", False)),
        ("http://terrace:7600/", ("dns:///terrace:7600", False)),
        ("https://terrace.example:443", ("dns:///terrace.example:443", True)),
        ("10.0.0.1:7600,10.0.0.2:7600", ("ipv4:10.0.0.1:7600,10.0.0.2:7600", False)),
        ("[::1]:7600", ("dns:///[::1]:7600", False)),
        ("dns:///terrace:7600", ("dns:///terrace:7600", False)),
        ("unix:///run/terrace", ("unix:///run/terrace", False)),
    ],
)
def test_addresses_become_targets_that_are_resolved_anew(address, target):
    assert target_of(address) == target


def test_an_address_without_a_port_is_refused_with_what_to_write():
    with pytest.raises(ValueError, match="host:7600"):
        target_of("terrace")


def test_address_and_key_come_from_the_environment_when_none_is_given(monkeypatch):
    monkeypatch.setenv("TERRACE_ADDRESS", "there:1")
    monkeypatch.setenv("TERRACE_API_KEY", "tk_a")
    assert address_of(None) == "there:1" and address_of("here:2") == "here:2"
    assert metadata_of(None) == [("authorization", "Bearer tk_a")]
    assert metadata_of("") == []


def test_ids_are_uuids_of_version_7_in_the_order_of_time():
    ids = [uuid.UUID(new_id()) for _ in range(100)]
    assert {(i.version, i.variant) for i in ids} == {(7, uuid.RFC_4122)}
    assert len(set(ids)) == 100


def test_money_is_read_from_its_digits():
    request = request_of("Hello.", {"max_cost_usd": 0.1})
    assert request.policy.max_cost_nano_usd == 100_000_000


def test_what_is_not_said_is_not_sent():
    request = request_of("Hello.", {})
    assert not request.HasField("response_format") and not request.policy.HasField("max_attempts")
    assert not request.policy.HasField("consensus")
    assert request_of("Hello.", {"consensus": []}).policy.HasField("consensus")


def test_a_status_of_somebody_else_has_the_nearest_reason():
    class Broken(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.UNAVAILABLE

        def details(self):
            return "connection reset"

        def trailing_metadata(self):
            return None

    error = error_of(Broken())
    assert error.reason == Reason.SERVICE_UNAVAILABLE == "SERVICE_UNAVAILABLE"
    assert str(error) == "SERVICE_UNAVAILABLE: connection reset"


def test_a_config_in_terraces_own_keys_is_left_alone():
    assert not original_config.is_original({"tiers": {"a": {"models": [{"name": "m"}]}}})
    assert not original_config.is_original({})


def test_the_originals_keys_are_translated_and_the_rest_is_told():
    models = [
        {"name": "phi3-mini", "provider": "ollama", "model_id": "phi3:mini"},
        {"name": "off", "provider": "ollama", "model_id": "off:1b", "enabled": False},
    ]
    served = {"name": "llama3-70b", "provider": "vllm", "model_id": "llama-70b"}
    served["endpoint"] = "http://gpu:8000/v1/completions"
    claude = {"name": "claude-sonnet-4.5", "provider": "claude", "model_id": "claude-sonnet-4-5-20250929"}
    out = original_config.translate(
        {
            "tiers": {
                "local_fast": {"models": models},
                "local_quality": {"models": [served, {**served, "model_id": "other"}]},
                "api_fallback": {"models": [{**claude, "temperature": 0.7}]},
            },
            "routing": {"consensus_models": 2, "prefer_local": True, "cache_ttl": 3600},
            "cost_control": {"daily_budget": 10.0, "alert_threshold": 80},
            "monitoring": {"log": "x"},
        }
    )
    tiers = out.config["tiers"]
    assert tiers["local_fast"]["models"][0] == {"name": "phi3:mini", "enabled": True, "backend": "ollama"}
    assert [model["backend"] for model in tiers["local_quality"]["models"]] == ["vllm", "vllm"]
    assert tiers["api_fallback"]["models"][0]["backend"] == "anthropic"
    assert out.config["backends"] == {
        "vllm": {"kind": "openai", "profile": "vllm", "url": "http://gpu:8000/v1"}
    }
    assert out.config["routing"] == {"consensus_models": ["phi3:mini", "llama-70b"], "cache_ttl": 3600}
    assert out.config["cost_control"] == {"daily_budget": 10.0, "alert_threshold": 0.8}
    assert out.names["phi3:mini"] == "phi3-mini"
    assert out.left_out == [
        "tiers.api_fallback.models[].temperature",
        "routing.prefer_local",
        "monitoring",
    ]


def test_a_provider_that_terrace_does_not_know_is_refused_by_name():
    model = {"name": "m", "provider": "mystery"}
    with pytest.raises(ValueError, match="mystery"):
        original_config.translate({"tiers": {"local_fast": {"models": [model]}}})
