"""How a daemon of the original gets its answers over tiers: what stood in `call_llm` becomes one call."""

from llm_router import LLMRouter

router = LLMRouter(config_path="llm_config.yaml")


def call_llm(prompt, verbose=False, action_type="unknown"):
    return router.route_with_quality_check(prompt, action_type=action_type)[0]
