"""Whether the metrics that dashboards and rules name exist, with the labels that they name.

`missing` takes the text that a running system shows at /metrics. What a quiet system has not counted
yet (a failure that did not happen) is looked for among the names of instruments in the source.
"""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "helm" / "terrace" / "files"
NAME = re.compile(r"\b((?:terrace|rpc|gen_ai|http)_[a-z0-9_]+)(\{[^}]*\})?(?=[\[\s),*/]|$)")
# Counted when something goes wrong, which a test that goes well does not see.
RARE = {
    "terrace_gateway_refused_total",
    "terrace_gateway_retries_total",
    "terrace_ledger_alerts_total",
    "terrace_ledger_spool_bytes",
    "terrace_ledger_webhook_messages_total",
    "terrace_hedges_total",
    "terrace_consensus_rounds_total",
    "terrace_cache_requests_total",
}
# The label that a failure alone has.
RARE_LABELS = {"error_type"}


def named() -> dict[str, set[str]]:
    """Every metric in a dashboard or a rule, with the labels that its selectors use."""
    found: dict[str, set[str]] = {}
    for expression in _expressions():
        for name, selector in NAME.findall(expression):
            labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selector or ""))
            found.setdefault(name, set()).update(labels)
    labels = {"terrace_backend", "terrace_service", "terrace_peer", "terrace_tier", "terrace_attempt_outcome"}
    others = {"gen_ai_request_model", "gen_ai_token_type", "rpc_method", "rpc_response_status_code", "http_route"}
    for name in labels | others | {"http_response_status_code"}:
        found.pop(name, None)
    return found


def _expressions():
    for file in sorted((FILES / "dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        for panel in board["panels"]:
            yield from (target["expr"] for target in panel["targets"])
        yield from (one["definition"] for one in board["templating"]["list"] if "definition" in one)
    for group in yaml.safe_load((FILES / "rules.yaml").read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def missing(text: str) -> list[str]:
    """What is named and not there."""
    shown: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^([a-z_0-9]+)(?:\{(.*)\})? ", text, re.MULTILINE):
        shown.setdefault(name, set()).update(re.findall(r"([a-z_0-9]+)=\"", labels))
    source = None
    wrong = []
    for name, labels in sorted(named().items()):
        if name in shown:
            wrong += [f"{name} has no label {label}" for label in sorted(labels - shown[name] - RARE_LABELS - {"le"})]
        elif name in RARE:
            source = source or _source()
            if name.removesuffix("_total") not in source:
                wrong.append(f"{name}: no instrument of that name in the source")
        else:
            wrong.append(f"{name} is not in /metrics of a running system")
    print(f"metrics: {len(named())} named in dashboards and rules, {len(wrong)} missing")
    return wrong


def _source() -> str:
    files = [*ROOT.glob("services/*/src/**/*.rs"), *ROOT.glob("libs/*/src/**/*.rs")]
    return "\n".join(file.read_text() for file in files).replace(".", "_")


def as_rules() -> str:
    """Every expression of the dashboards as a rule, for promtool to parse."""
    plain = [one.replace("$__rate_interval", "5m") for one in _expressions() if not one.startswith("label_values(")]
    rules = [{"record": f"dashboard:expression:{number}", "expr": one} for number, one in enumerate(plain)]
    return yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]})


if __name__ == "__main__":
    print(as_rules())
