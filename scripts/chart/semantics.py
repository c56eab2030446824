"""What a schema cannot see: whether the objects of one rendering fit together.

Every function takes the rendering and yields complaints, each naming the object that is wrong.
"""

import re
from collections.abc import Iterator

from rendering import Pod, Rendering, quantity

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
# Suffixes of what others make from a name (a pod's, a revision's) have to fit into 63.
LONGEST_WORKLOAD = 52
RESTRICTED = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def names(rendering: Rendering) -> Iterator[str]:
    """Names are DNS labels, are unique, and leave room for suffixes; so do labels."""
    seen = set()
    for one in rendering.objects:
        kind, name = one["kind"], one["metadata"]["name"]
        if not LABEL.fullmatch(name):
            yield f"{kind}/{name}: no DNS label"
        if kind in ("Deployment", "StatefulSet", "Job") and len(name) > LONGEST_WORKLOAD:
            yield f"{kind}/{name}: {len(name)} characters, more than {LONGEST_WORKLOAD}"
        if (kind, name) in seen:
            yield f"{kind}/{name}: rendered twice"
        seen.add((kind, name))
        for key, value in (one["metadata"].get("labels") or {}).items():
            if not VALUE.fullmatch(value):
                yield f"{kind}/{name}: label {key} is {value!r}"


def ports(rendering: Rendering) -> Iterator[str]:
    """Ports have names of their own, and what refers to one finds it in every pod it selects."""
    for pod in rendering.pods:
        for container in pod.containers:
            known = [port["name"] for port in container.get("ports", [])]
            if len(set(known)) != len(known) or any(len(name) > 15 for name in known):
                yield f"{pod.name}: ports {known}"
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = probed(container.get(kind) or {})
                numbers = [number["containerPort"] for number in container.get("ports", [])]
                if port is not None and port not in known and port not in numbers:
                    yield f"{pod.name}: {kind} asks port {port}, which {container['name']} does not have"
    for service in rendering.of("Service"):
        for port in service["spec"]["ports"]:
            for pod in rendering.selected(service["spec"]["selector"]):
                if port["targetPort"] not in pod.ports:
                    yield f"Service/{service['metadata']['name']}: {pod.name} has no port {port['targetPort']}"


def probed(probe: dict) -> object:
    """The port that a probe asks, or none."""
    return (probe.get("grpc") or probe.get("httpGet") or {}).get("port")


def selectors(rendering: Rendering) -> Iterator[str]:
    """Every selector finds something, and a workload finds its own pods alone."""
    for kind, selector_of in SELECTORS.items():
        for one in rendering.of(kind):
            found = rendering.selected(selector_of(one))
            name = f"{kind}/{one['metadata']['name']}"
            if not found:
                yield f"{name}: selects nothing"
            if kind in ("Deployment", "StatefulSet") and [pod.name for pod in found] != [one["metadata"]["name"]]:
                yield f"{name}: selects the pods of {[pod.name for pod in found]}"


SELECTORS = {
    "Service": lambda one: one["spec"]["selector"],
    "Deployment": lambda one: one["spec"]["selector"]["matchLabels"],
    "StatefulSet": lambda one: one["spec"]["selector"]["matchLabels"],
    "PodDisruptionBudget": lambda one: one["spec"]["selector"]["matchLabels"],
    "NetworkPolicy": lambda one: one["spec"]["podSelector"]["matchLabels"],
    "PodMonitor": lambda one: one["spec"]["selector"]["matchLabels"],
}


def targets(rendering: Rendering) -> Iterator[str]:
    """What scales or leads to something names an object that is there."""
    there = {(one["kind"], one["metadata"]["name"]) for one in rendering.objects}
    for one in rendering.of("HorizontalPodAutoscaler") + rendering.of("ScaledObject"):
        target = one["spec"]["scaleTargetRef"]
        name = f"{one['kind']}/{one['metadata']['name']}"
        if (target["kind"], target["name"]) not in there:
            yield f"{name}: there is no {target['kind']}/{target['name']}"
        elif "replicas" in rendering.get(target["kind"], target["name"])["spec"]:
            yield f"{name}: its target has replicas of its own, which every upgrade would set back"
    for one in rendering.of("HTTPRoute") + rendering.of("GRPCRoute"):
        for rule in one["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                service = rendering.get("Service", backend["name"])
                if service is None or backend["port"] not in [port["port"] for port in service["spec"]["ports"]]:
                    yield f"{one['kind']}/{one['metadata']['name']}: leads to {backend}, which is not there"


def quantities(rendering: Rendering) -> Iterator[str]:
    """Requests are no more than limits."""
    for pod in rendering.pods:
        for container in pod.containers:
            limits = container["resources"].get("limits", {})
            for name, wanted in container["resources"].get("requests", {}).items():
                if name in limits and quantity(wanted) > quantity(limits[name]):
                    yield f"{pod.name}: requests {wanted} of {name}, with a limit of {limits[name]}"
            if "memory" not in limits:
                yield f"{pod.name}: {container['name']} has no limit of memory"


def references(rendering: Rendering) -> Iterator[str]:
    """Secrets exist by the values or are made by cert-manager; hooks need nothing of the release."""
    made = {one["spec"]["secretName"] for one in rendering.of("Certificate")}
    maps = {one["metadata"]["name"] for one in rendering.of("ConfigMap")}
    accounts = {one["metadata"]["name"] for one in rendering.of("ServiceAccount")}
    for pod in rendering.pods:
        for secret in pod.secrets:
            if secret not in made and secret not in rendering.existing_secrets:
                yield f"{pod.name}: Secret {secret} is neither in the values nor made by a Certificate"
        for name in pod.config_maps - maps:
            yield f"{pod.name}: ConfigMap {name} is not rendered"
        account = pod.spec.get("serviceAccountName")
        if account and account not in accounts and account != "default":
            yield f"{pod.name}: ServiceAccount {account} is not rendered"
        if pod.is_early_hook and (pod.config_maps or account or pod.secrets & made):
            yield f"{pod.name}: runs before the release and needs something of it"
        mounts = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
        if mounts != pod.volumes:
            yield f"{pod.name}: mounts {sorted(mounts)}, volumes {sorted(pod.volumes)}"


def security(rendering: Rendering) -> Iterator[str]:
    """Pod Security `restricted`, and a root file system that nobody writes to."""
    for pod in rendering.pods:
        for key, value in RESTRICTED.items():
            if pod.spec["securityContext"].get(key) != value:
                yield f"{pod.name}: securityContext.{key} is not {value}"
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod.name}: has a token of the API server"
        for container in pod.containers:
            context = container["securityContext"]
            if context["capabilities"] != {"drop": ["ALL"]} or context["allowPrivilegeEscalation"]:
                yield f"{pod.name}: {container['name']} is not restricted"
            if container["name"] != "model-server" and not context.get("readOnlyRootFilesystem"):
                yield f"{pod.name}: {container['name']} may write to its image"


def config(rendering: Rendering) -> Iterator[str]:
    """What the config says of addresses and files is what the objects have."""
    for pod in rendering.services_pods:
        place = rendering.place(pod)
        expected = {"http" if pod.role == "edge" else "grpc": place["listen"], "metrics": place["metrics_listen"]}
        if pod.role != "edge":
            expected["health"] = place["health_listen"]
        for name, address in expected.items():
            if pod.ports.get(name) != int(address.rsplit(":", 1)[1]):
                yield f"{pod.name}: port {name} is {pod.ports.get(name)}, and the config says {address}"
        if pod.role != "edge":
            yield from _found_at(rendering, pod, place["url"])
    mounted = {path for pod in rendering.pods for path in pod.files}
    for path in rendering.config_files():
        if path not in mounted:
            yield f"config: no pod has {path}"


def _found_at(rendering: Rendering, pod: Pod, url: str) -> Iterator[str]:
    host, port = re.fullmatch(r"https?://([^:/]+):(\d+)", url).groups()
    service = rendering.get("Service", host)
    if service is None or int(port) not in [one["port"] for one in service["spec"]["ports"]]:
        yield f"{pod.name}: callers look for it at {url}, where no Service is"
    elif pod not in rendering.selected(service["spec"]["selector"]):
        yield f"{pod.name}: {url} leads elsewhere"
    elif service["spec"].get("clusterIP") != "None":
        yield f"Service/{host}: hides its pods behind one address, so that callers cannot balance"


ALL = [names, ports, selectors, targets, quantities, references, security, config]
