"""`LLMRouter`, for programs written for the original router: same names, same results.

It speaks to the Terrace at `address` or TERRACE_ADDRESS; without one it runs `terrace up` with the
config at `config_path` for as long as the program lives. A `check_quality` of a subclass is asked
about every answer: as an external judge of its own Terrace, or after each answer of another one.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from terrace_llm import original_config
from terrace_llm.answer import Answer, Attempt
from terrace_llm.channel import DEFAULT_ADDRESS, address_of
from terrace_llm.client import Terrace
from terrace_llm.judging import Asked, Judgement, JudgeServer
from terrace_llm.local import LocalTerrace
from terrace_llm.original import ModelConfig, QualityCheckResult, RoutingDecision, Tier, UsageStats
from terrace_llm.pb.terrace.common.v1 import model_pb2
from terrace_llm.request import RouteOptions, new_id
from terrace_llm.usage_log import UsageLog

if TYPE_CHECKING:
    from typing_extensions import Self

_LOG = logging.getLogger("llm_router")

#: Entries of `context` that are more than tags.
_FIELDS = ("session_id", "code_language", "prompt")
#: As the ledger has it: most tags of a request, and most bytes of a name or a value.
_MAX_TAGS, _MAX_TAG_BYTES = 32, 256


class LLMRouter:
    """Routes prompts over tiers; answers, quality and cost in the original's types."""

    def __init__(
        self,
        config_path: str | Path | None = None,
        *,
        address: str | None = None,
        api_key: str | None = None,
        timeout: float = 120.0,
    ) -> None:
        self.config_path = Path(config_path) if config_path else Path("llm_config.yaml")
        self.config: dict[str, Any] = self._load_config()
        self._names: dict[str, str] = {}
        self._contexts: dict[str, dict[str, Any]] = {}
        # What `super().check_quality()` is to say in the thread that asks.
        self._said = threading.local()
        self._judge: JudgeServer | None = None
        self._local: LocalTerrace | None = None
        self._usage = UsageLog()
        where = address_of(address)
        if where == DEFAULT_ADDRESS and self.config:
            self._local = self._start()
            where = self._local.address
            # A key of the environment is for another Terrace, unless this one wants keys too.
            api_key = api_key if "auth" in self.config else ""
        self._terrace = Terrace(where, api_key=api_key, timeout=timeout)
        try:
            self.models = self._list_models()
        except Exception:
            self.close()
            raise

    # ---- what the original has

    def route(
        self,
        prompt: str,
        action_type: str = "unknown",
        context: dict[str, Any] | None = None,
        quality_critical: bool = False,
    ) -> RoutingDecision:
        """Answers on the tier that fits; nobody looks at the answer. A text that knows who gave it."""
        options: RouteOptions = {"quality_check": False}
        if quality_critical:
            options["tier"] = self._highest_tier()
        answer = self._ask(prompt, action_type, context or {}, options)
        decision = self._decision(answer)
        stats = self._note(answer)
        decision.model.answered = (prompt, answer.text, stats[-1])
        return decision

    def call_model(self, model: ModelConfig, prompt: str, **context: Any) -> tuple[str, UsageStats]:
        """Asks this model and no other. What `route` has just got from it is not asked for again."""
        if model.answered and model.answered[0] == prompt:
            return model.answered[1], model.answered[2]
        options: RouteOptions = {"quality_check": False, "model": model.model_id}
        answer = self._ask(prompt, "unknown", context, options)
        return answer.text, self._note(answer)[-1]

    def route_with_quality_check(
        self,
        prompt: str,
        action_type: str = "unknown",
        context: dict[str, Any] | None = None,
        max_fallback_attempts: int | None = None,
        quality_threshold: float | None = None,
    ) -> tuple[str, RoutingDecision, QualityCheckResult, list[UsageStats]]:
        """Answers, goes a tier up where an answer falls short, and gives the best there was."""
        context = context or {}
        options: RouteOptions = {"quality_check": True}
        if max_fallback_attempts is not None:
            options["max_attempts"] = max_fallback_attempts
        if quality_threshold is not None:
            options["quality_threshold"] = quality_threshold
        answer = self._ask(prompt, action_type, context, options)
        stats, quality = self._note(answer), self._quality(answer)
        if self._checks_itself() and self._judge is None:
            answer, quality, stats = self._go_up(
                (prompt, action_type, context, options), (answer, quality, stats)
            )
        return answer.text, self._decision(answer), quality, stats

    def check_quality(
        self, response: str, action_type: str, context: dict[str, Any]
    ) -> QualityCheckResult:
        """What Terrace's judge says of an answer. A subclass that has more to say overrides it.

        Asked for an answer that Terrace has just judged, it repeats that; `context["prompt"]` is the
        question then. Asked for any other text, it has the judge look at it now.
        """
        said: QualityCheckResult | None = getattr(self._said, "result", None)
        if said is not None:
            return said
        verdict = self._terrace.judge(
            str(context.get("prompt") or action_type),
            response,
            action=_action(action_type),
            threshold=self._threshold(),
        )
        return QualityCheckResult(
            passed=verdict.passed or verdict.undecided,
            confidence=1.0 if verdict.undecided else verdict.score,
            issues=_issues(verdict.checks),
            reasoning=_reasoning(verdict.score, verdict.threshold),
        )

    def get_cost_summary(self) -> dict[str, Any]:
        """What this router has spent and saved since it was made."""
        return self._usage.summary()

    def export_usage_log(self, output_path: str | Path) -> None:
        """Writes every call of this router as a JSON array, one call a line."""
        lines = ",\n".join(json.dumps(row) for row in self._usage.rows())
        Path(output_path).write_text(f"[\n{lines}\n]\n", encoding="utf-8")

    @property
    def usage_log(self) -> list[UsageStats]:
        """Every call of this router, the first first."""
        return self._usage.calls

    # ---- life

    @property
    def terrace(self) -> Terrace:
        """The client behind it, for all that the original has no word for."""
        return self._terrace

    def close(self) -> None:
        """Ends the connection, and the Terrace that it started."""
        self._terrace.close()
        if self._local is not None:
            self._local.stop()
        if self._judge is not None:
            self._judge.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- how it comes to be

    def _load_config(self) -> dict[str, Any]:
        if not self.config_path.is_file():
            return {}
        config = yaml.safe_load(self.config_path.read_text(encoding="utf-8"))
        return config if isinstance(config, dict) else {}

    def _start(self) -> LocalTerrace:
        """Runs a Terrace with the config, and with this router as one of its judges."""
        settings: dict[str, str] = {}
        if self._checks_itself():
            self._judge = JudgeServer(self._judged)
            judges = [*((self.config.get("judge") or {}).get("external") or ())]
            judges.append({"name": "check_quality", "url": self._judge.url, "hard": True, "timeout": "1m"})
            settings["TERRACE__JUDGE__EXTERNAL"] = json.dumps(judges)
        if not original_config.is_original(self.config):
            return LocalTerrace(self.config_path, settings)
        translated = original_config.translate(self.config)
        self._names = translated.names
        if translated.left_out:
            _LOG.warning("%s: not used by Terrace: %s", self.config_path, ", ".join(translated.left_out))
        # Goes with the router: Terrace may read its config again.
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / self.config_path.name
        path.write_text(yaml.safe_dump(translated.config, sort_keys=False), encoding="utf-8")
        return LocalTerrace(path, settings)

    def _list_models(self) -> dict[Tier, list[ModelConfig]]:
        models: dict[Tier, list[ModelConfig]] = {}
        listed = self._terrace.listed()
        for tier in listed.tiers:
            models[Tier(tier)] = []
        for model in listed.models:
            models.setdefault(Tier(model.tier), []).append(self._model(model))
        return models

    def _model(self, model: model_pb2.Model) -> ModelConfig:
        return ModelConfig(
            name=self._names.get(model.name, model.name),
            tier=Tier(model.tier),
            provider=model.backend,
            model_id=model.name,
            max_tokens=model.default_max_output_tokens,
            cost_per_1k_tokens=model.price.input_nano_usd / 1e12,
            context_window=model.context_window,
            enabled=model.available,
        )

    # ---- how a prompt is answered

    def _ask(
        self, prompt: str, action_type: str, context: dict[str, Any], options: RouteOptions
    ) -> Answer:
        options = {**options, "action": _action(action_type), "request_id": new_id()}
        options["session_id"] = str(context.get("session_id") or "")
        options["code_language"] = str(context.get("code_language") or "")
        options["tags"] = _tags(context)
        self._contexts[options["request_id"]] = {**context, "prompt": prompt}
        try:
            return self._terrace.route(prompt, **options)
        finally:
            del self._contexts[options["request_id"]]

    def _highest_tier(self) -> str:
        return list(self.models)[-1].value

    def _decision(self, answer: Answer) -> RoutingDecision:
        tier = Tier(answer.tier)
        models = self.models.get(tier, [])
        model = next((m for m in models if m.model_id == answer.model), None) or ModelConfig(
            answer.model, tier, answer.backend, answer.model
        )
        tiers = list(self.models)
        above = tiers[tiers.index(tier) + 1 :] if tier in tiers else []
        about = answer.raw.decision.classification
        reason = f"Difficulty={about.difficulty:.2f}, Tier={tier.value}, Attempts={len(answer.attempts)}"
        return RoutingDecision.of(
            answer.text,
            tier=tier,
            model=ModelConfig(**{**vars(model), "answered": None}),
            reason=reason,
            estimated_cost=answer.cost_nano_usd / 1e9,
            fallback_chain=[self.models[higher][0] for higher in above if self.models[higher]],
        )

    def _note(self, answer: Answer) -> list[UsageStats]:
        """Writes the calls of an answer into the log; a cached answer is a call that cost nothing."""
        called = [attempt for attempt in answer.attempts if attempt.outcome != "skipped"]
        stats = [self._stats(attempt) for attempt in called] or [self._reused(answer)]
        for call in stats[:-1]:
            call.fallback_used = True
        self._usage.add(stats, answer.cost_nano_usd, answer.baseline_nano_usd)
        return stats

    def _stats(self, attempt: Attempt) -> UsageStats:
        return UsageStats(
            tier=Tier(attempt.tier),
            model_name=self._names.get(attempt.model, attempt.model),
            prompt_tokens=attempt.input_tokens,
            completion_tokens=attempt.output_tokens,
            cost=attempt.cost_nano_usd / 1e9,
            latency_ms=round(attempt.latency_seconds * 1000),
            success=attempt.outcome in ("accepted", "rejected"),
            quality_score=attempt.score,
        )

    def _reused(self, answer: Answer) -> UsageStats:
        name = self._names.get(answer.model, answer.model)
        millis = round(answer.latency_seconds * 1000)
        return UsageStats(Tier(answer.tier), name, 0, 0, 0.0, millis, True, answer.score)

    # ---- how an answer is looked at

    def _threshold(self) -> float:
        return float((self.config.get("routing") or {}).get("quality_threshold", 0.7))

    def _quality(self, answer: Answer) -> QualityCheckResult:
        verdict = answer.raw.verdict
        score = answer.score if answer.score is not None else float(answer.passed)
        reasoning = _reasoning(score, verdict.threshold)
        return QualityCheckResult(answer.passed, score, _issues(verdict.checks), reasoning)

    def _checks_itself(self) -> bool:
        return type(self).check_quality is not LLMRouter.check_quality

    def _check(
        self, said: QualityCheckResult, response: str, action: str, context: dict[str, Any]
    ) -> QualityCheckResult:
        """Asks the subclass, to whom `super()` repeats what Terrace said."""
        self._said.result = said
        try:
            return self.check_quality(response, action, context)
        finally:
            self._said.result = None

    def _judged(self, asked: Asked) -> Judgement | None:
        """The external judge: what the subclass has to say beside Terrace's own checks."""
        nothing = QualityCheckResult(True, 1.0, [], "Terrace's own checks found nothing against it")
        context = self._contexts.get(asked.request_id, {"prompt": asked.prompt})
        result = self._check(nothing, asked.response, asked.action or "unknown", context)
        if result is nothing:
            return None
        return Judgement(result.confidence, result.passed, "; ".join(result.issues) or result.reasoning)

    def _go_up(
        self,
        asked: tuple[str, str, dict[str, Any], RouteOptions],
        first: tuple[Answer, QualityCheckResult, list[UsageStats]],
    ) -> tuple[Answer, QualityCheckResult, list[UsageStats]]:
        """Asks the tiers above while the subclass is not content; for a Terrace that does not know it."""
        prompt, action, context, options = asked
        answer, said, stats = first
        seen = {**context, "prompt": prompt}
        best = answer, self._check(said, answer.text, action, seen)
        tiers, most = [tier.value for tier in self.models], options.get("max_attempts", 16)
        while not best[1].passed and answer.tier in tiers:
            above = tiers[tiers.index(answer.tier) + 1 :]
            if not above or len(stats) >= most:
                break
            further: RouteOptions = {**options, "allowed_tiers": above, "max_attempts": most - len(stats)}
            answer = self._ask(prompt, action, context, further)
            stats[-1].fallback_used = True
            stats = stats + self._note(answer)
            quality = self._check(self._quality(answer), answer.text, action, seen)
            if quality.passed or quality.confidence > best[1].confidence:
                best = answer, quality
        return best[0], best[1], stats


def _action(action_type: str) -> str:
    return "" if action_type == "unknown" else action_type


def _tags(context: dict[str, Any]) -> dict[str, str]:
    """The entries of a context that fit into the ledger."""
    tags: dict[str, str] = {}
    for name, value in context.items():
        text = str(value)
        plain = isinstance(value, (str, int, float)) and name not in _FIELDS and text
        if plain and len(text.encode()) <= _MAX_TAG_BYTES and len(tags) < _MAX_TAGS:
            tags[str(name)] = text
    return tags


def _issues(checks: Any) -> list[str]:
    return [f"{found.check}: {found.finding}" for found in checks if found.score < 1 and found.weight > 0]


def _reasoning(score: float, threshold: float) -> str:
    return f"Confidence: {score:.2f}, Threshold: {threshold:.2f}"
