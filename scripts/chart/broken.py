"""Breaks a good rendering in one way after another, and sees each found by the check that is for it."""

import copy
import sys
from collections.abc import Callable

import network
import render
import semantics
from rendering import Rendering


def _pod_of(objects: list[dict], name: str) -> dict:
    [found] = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet") and one["metadata"]["name"] == name]
    return found["spec"]["template"]["spec"]


def _object(objects: list[dict], kind: str, name: str) -> dict:
    [found] = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def _set(path: str, value: object) -> Callable[[dict], None]:
    """Sets what a dotted path leads to; numbers are places in lists."""

    def change(one: dict) -> None:
        *above, last = path.split(".")
        for key in above:
            one = one[int(key)] if key.isdigit() else one[key]
        one[int(last) if last.isdigit() else last] = value

    return change


# What is broken, in which object, and what the complaint has to say.
BROKEN = [
    ("Deployment", "demo-terrace-edge", _set("metadata.name", "Edge_1"), "no DNS label"),
    ("Deployment", "demo-terrace-edge", _set("metadata.name", "demo-" + "e" * 50), "more than 52"),
    ("Service", "demo-terrace-classifier", _set("spec.ports.0", {"name": "grpc", "port": 7601, "targetPort": "web"}), "no port web"),
    ("Service", "demo-terrace-classifier", _set("spec.ports.0.port", 7777), "where no Service is"),
    ("Service", "demo-terrace-classifier", _set("spec.clusterIP", "10.0.0.1"), "cannot balance"),
    ("Service", "demo-terrace-edge", _set("spec.selector", {"app": "elsewhere"}), "selects nothing"),
    ("HorizontalPodAutoscaler", "demo-terrace-edge", _set("spec.scaleTargetRef.name", "gone"), "there is no Deployment/gone"),
    ("Deployment", "demo-terrace-edge", _set("spec.replicas", 3), "replicas of its own"),
    ("pod", "demo-terrace-classifier", _set("containers.0.readinessProbe.grpc.port", 9999), "asks port 9999"),
    ("pod", "demo-terrace-classifier", _set("containers.0.ports.0.containerPort", 7602), "the config says"),
    ("pod", "demo-terrace-classifier", _set("containers.0.resources.requests", {"memory": "4Gi"}), "with a limit of"),
    ("pod", "demo-terrace-classifier", _set("containers.0.securityContext.readOnlyRootFilesystem", False), "may write"),
    ("pod", "demo-terrace-classifier", _set("securityContext.runAsNonRoot", False), "runAsNonRoot"),
    ("pod", "demo-terrace-classifier", _set("volumes.0.configMap.name", "gone"), "ConfigMap gone"),
    ("pod", "demo-terrace-cost-ledger", _set("volumes.1.secret.secretName", "gone"), "Secret gone"),
    ("pod", "demo-terrace-cost-ledger", _set("containers.0.volumeMounts", []), "mounts"),
    ("Job", "demo-terrace-migrate", _set("spec.template.spec.serviceAccountName", "demo-terrace"), "needs something of it"),
    ("NetworkPolicy", "demo-terrace-edge", _set("spec.egress", [{}]), "(metrics) is let through"),
    ("NetworkPolicy", "demo-terrace-quality-judge", _set("spec.egress", []), "is not let through"),
    ("NetworkPolicy", "demo-terrace-classifier", _set("spec.podSelector.matchLabels", {"app": "elsewhere"}), "no NetworkPolicy is for it"),
]


def main() -> int:
    """Says which break was not found."""
    given = render.values(render.values_files("ha"))
    good = render.helm4(given)
    missed = []
    for kind, name, change, expected in BROKEN:
        objects = copy.deepcopy(good)
        change(_pod_of(objects, name) if kind == "pod" else _object(objects, kind, name))
        rendering = Rendering(objects, given)
        found = [text for check in [*semantics.ALL, network.call_graph] for text in check(rendering)]
        if not any(expected in text for text in found):
            missed.append(f"{kind} {name}: nobody says {expected!r}, but {found[:3]}")
    for text in missed:
        print(text, file=sys.stderr)
    print(f"broken renderings: {len(BROKEN)}, {len(missed)} not found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
