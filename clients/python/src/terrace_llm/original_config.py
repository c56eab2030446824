"""Reads a config of the original router and says it in Terrace's keys.

The original names each model twice (`name`, `model_id`) and its provider, and has keys that nothing
here corresponds to: those are left out and told. A file without them is Terrace's already, and is
used as it is.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

#: Keys of `routing` and `cost_control` that mean the same in both.
_ROUTING = {
    "quality_threshold",
    "action_tier_overrides",
    "enable_self_critique",
    "enable_caching",
    "cache_ttl",
    "enable_consensus",
    "consensus_models",
    "consensus_threshold",
    "max_fallback_attempts",
}
_COSTS = {"daily_budget", "alert_threshold"}
_MODEL = {
    "name",
    "model_id",
    "provider",
    "enabled",
    "endpoint",
    "max_tokens",
    "context_window",
    "cost_per_1k_tokens",
}
_PROVIDERS = {"claude": "anthropic", "anthropic": "anthropic", "openai": "openai", "ollama": "ollama"}


class Translated:
    """A config in Terrace's keys, the names that the original had for models, and what was left out."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        #: The original's name by the name that the backend knows.
        self.names: dict[str, str] = {}
        self.left_out: list[str] = []


def is_original(config: dict[str, Any]) -> bool:
    """Whether a file says something in the original's way."""
    models = (model for _, model in _models(config))
    return any("model_id" in model or "provider" in model for model in models)


def translate(config: dict[str, Any]) -> Translated:
    """Says it in Terrace's keys."""
    out = Translated()
    tiers: dict[str, Any] = {}
    backends: dict[str, Any] = {}
    for tier, model in _models(config):
        _leave_out(out, f"tiers.{tier}.models[].", set(model) - _MODEL)
        entry = _model(model, backends)
        out.names[entry["name"]] = str(model.get("name", entry["name"]))
        tiers.setdefault(tier, {"models": []})["models"].append(entry)
    out.config = {"tiers": tiers}
    if backends:
        out.config["backends"] = backends
    for section, known in (("routing", _ROUTING), ("cost_control", _COSTS)):
        given = config.get(section) or {}
        _leave_out(out, f"{section}.", set(given) - known)
        kept = {key: value for key, value in given.items() if key in known}
        if kept:
            out.config[section] = kept
    _leave_out(out, "", set(config) - {"tiers", "routing", "cost_control"})
    _correct(out)
    return out


def _models(config: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    tiers = config.get("tiers") or {}
    return [
        (tier, model)
        for tier, content in tiers.items()
        for model in (content or {}).get("models") or ()
        if isinstance(model, dict)
    ]


def _model(model: dict[str, Any], backends: dict[str, Any]) -> dict[str, Any]:
    name = str(model.get("model_id") or model["name"])
    entry: dict[str, Any] = {"name": name, "enabled": model.get("enabled", True)}
    for theirs, ours in (("context_window", "context_window"), ("max_tokens", "max_output_tokens")):
        if theirs in model:
            entry[ours] = model[theirs]
    provider, endpoint = str(model.get("provider", "ollama")), model.get("endpoint")
    if provider == "vllm" or endpoint:
        entry["backend"] = _backend(provider, str(endpoint or "http://127.0.0.1:8000"), backends)
    elif provider in _PROVIDERS:
        entry["backend"] = _PROVIDERS[provider]
    else:
        raise ValueError(f"the model {name} has the provider {provider!r}, which Terrace has no word for")
    return entry


def _backend(provider: str, endpoint: str, backends: dict[str, Any]) -> str:
    """The backend at an endpoint, which the original gives with the path of a call."""
    parts = urlsplit(endpoint)
    url = f"{parts.scheme}://{parts.netloc}"
    kind = {"kind": "ollama", "url": url}
    if provider != "ollama":
        kind = {"kind": "openai", "profile": "vllm" if provider == "vllm" else "generic", "url": f"{url}/v1"}
    for name, known in backends.items():
        if known == kind:
            return name
    name = provider if provider not in (*backends, *_PROVIDERS) else f"{provider}_{len(backends) + 1}"
    backends[name] = kind
    return name


def _correct(out: Translated) -> None:
    """What the original says in another unit, or as a number of models."""
    costs, routing = out.config.get("cost_control", {}), out.config.get("routing", {})
    if costs.get("alert_threshold", 0) > 1:
        costs["alert_threshold"] = costs["alert_threshold"] / 100
    wanted = routing.get("consensus_models")
    if isinstance(wanted, int):
        models = (m for tier in out.config["tiers"].values() for m in tier["models"])
        routing["consensus_models"] = [m["name"] for m in models if m["enabled"]][:wanted]
    elif wanted:
        ids = {name: model_id for model_id, name in out.names.items()}
        routing["consensus_models"] = [ids.get(name, name) for name in wanted]


def _leave_out(out: Translated, prefix: str, keys: set[str]) -> None:
    out.left_out += [f"{prefix}{key}" for key in sorted(keys) if f"{prefix}{key}" not in out.left_out]
