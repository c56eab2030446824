"""Whether the network policies let exactly the call graph through.

The graph is spelled here once more, on purpose: a mistake in the chart is not also one of the check.
"""

from collections.abc import Iterator

from rendering import Pod, Rendering

CALLS = {
    ("edge", "orchestrator"),
    ("edge", "cost-ledger"),
    ("orchestrator", "classifier"),
    ("orchestrator", "quality-judge"),
    ("orchestrator", "cost-ledger"),
    ("orchestrator", "tier-gateway"),
    ("quality-judge", "tier-gateway"),
    ("test", "orchestrator"),
}
CALL_PORTS = ("grpc", "http")


def call_graph(rendering: Rendering) -> Iterator[str]:
    """Compares what the policies let through with the graph, port by port."""
    policies = rendering.of("NetworkPolicy")
    if not policies:
        return
    for pod in rendering.pods:
        if not any(_applies(policy, pod) for policy in policies):
            yield f"{pod.name}: no NetworkPolicy is for it"
    for caller in rendering.pods:
        for callee in rendering.services_pods:
            if caller is callee:
                continue
            for name, port in callee.ports.items():
                wanted = name in CALL_PORTS and (caller.role, callee.role) in CALLS
                if lets_through(policies, caller, callee, port) != wanted:
                    word = "is not let through" if wanted else "is let through"
                    yield f"{caller.name} -> {callee.name}:{port} ({name}) {word}"


def lets_through(policies: list[dict], caller: Pod, callee: Pod, port: int) -> bool:
    """Whether some rule lets the caller out and some rule lets it in."""
    leaves = _allowed(policies, caller, callee, port, "egress", "to")
    return leaves and _allowed(policies, callee, caller, port, "ingress", "from")


def _allowed(policies: list[dict], subject: Pod, peer: Pod, port: int, way: str, peers: str) -> bool:
    mine = [policy for policy in policies if _applies(policy, subject) and way.capitalize() in policy["spec"]["policyTypes"]]
    if not mine:
        return True
    rules = [rule for policy in mine for rule in policy["spec"].get(way) or []]
    return any(
        _has_port(rule, port) and (peers not in rule or any(_is_peer(one, peer) for one in rule[peers]))
        for rule in rules
    )


def _applies(policy: dict, pod: Pod) -> bool:
    return policy["spec"]["podSelector"]["matchLabels"].items() <= pod.labels.items()


def _has_port(rule: dict, port: int) -> bool:
    return "ports" not in rule or any(one["port"] == port for one in rule["ports"])


def _is_peer(one: dict, pod: Pod) -> bool:
    """Whether a pod of the release's own namespace is meant; addresses outside are nobody's here."""
    if "ipBlock" in one:
        return False
    namespaces = (one.get("namespaceSelector") or {}).get("matchLabels", {})
    labels = (one.get("podSelector") or {}).get("matchLabels", {})
    return not namespaces and labels.items() <= pod.labels.items()


def ports_outside(policies: list[dict], pod: Pod) -> set[int]:
    """The ports that a pod may call outside of the cluster."""
    mine = [policy for policy in policies if _applies(policy, pod)]
    rules = [rule for policy in mine for rule in policy["spec"].get("egress") or []]
    return {
        one["port"]
        for rule in rules
        if any("ipBlock" in peer for peer in rule.get("to", []))
        for one in rule.get("ports", [])
    }
