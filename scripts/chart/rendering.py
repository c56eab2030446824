"""One rendering of the chart, with the questions that checks ask of it."""

from dataclasses import dataclass, field

import yaml

FACTORS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
FACTORS |= {f"{letter}i": 1024 ** (power + 1) for power, letter in enumerate("KMGTP")}
SECTIONS = {"quality-judge": "quality_judge", "cost-ledger": "cost_ledger"}


def quantity(text: object) -> float:
    """A quantity of Kubernetes as a number."""
    text = str(text)
    digits = text.rstrip("mkMGTPEKi")
    return float(digits) * FACTORS[text[len(digits):]]


@dataclass
class Pod:
    """The pods of one workload, or one pod of a job or a test."""

    name: str
    labels: dict
    spec: dict
    hooks: str = ""
    containers: list = field(init=False)

    def __post_init__(self) -> None:
        self.containers = [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def role(self) -> str:
        return "tier-gateway" if self.component.startswith("gateway-") else self.component

    @property
    def ports(self) -> dict:
        return {one["name"]: one["containerPort"] for box in self.containers for one in box.get("ports", [])}

    @property
    def volumes(self) -> set:
        claims = {"data"} if any(m["name"] == "data" for c in self.containers for m in c.get("volumeMounts", [])) else set()
        return {volume["name"] for volume in self.spec.get("volumes", [])} | claims

    @property
    def secrets(self) -> set:
        volumes = {v["secret"]["secretName"] for v in self.spec.get("volumes", []) if "secret" in v}
        variables = {
            one["valueFrom"]["secretKeyRef"]["name"]
            for box in self.containers
            for one in box.get("env", [])
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        return volumes | variables

    @property
    def config_maps(self) -> set:
        return {v["configMap"]["name"] for v in self.spec.get("volumes", []) if "configMap" in v}

    @property
    def is_early_hook(self) -> bool:
        return "pre-install" in self.hooks

    @property
    def files(self) -> set:
        """Paths of the files that secrets bring into its containers; certificates have three."""
        paths = set()
        volumes = {volume["name"]: volume for volume in self.spec.get("volumes", [])}
        for box in self.containers:
            for mount in box.get("volumeMounts", []):
                secret = volumes.get(mount["name"], {}).get("secret")
                if secret is None:
                    continue
                items = [item["path"] for item in secret.get("items", [])] or ["ca.crt", "tls.crt", "tls.key"]
                paths |= {f"{mount['mountPath']}/{path}" for path in items}
        return paths


class Rendering:
    """All objects of one rendering."""

    def __init__(self, objects: list[dict], values: dict) -> None:
        self.objects = objects
        self.pods = list(_pods(objects))
        self.existing_secrets = set(_existing_secrets(values))
        self.config = yaml.safe_load(self._config_text())

    def _config_text(self) -> str:
        [text] = [one["data"]["terrace.yaml"] for one in self.of("ConfigMap") if "terrace.yaml" in one["data"]]
        return text

    @property
    def config_text(self) -> str:
        """Terrace's own config, as it is in the ConfigMap."""
        return self._config_text()

    def of(self, kind: str) -> list[dict]:
        return [one for one in self.objects if one["kind"] == kind]

    def get(self, kind: str, name: str) -> dict | None:
        return next((one for one in self.of(kind) if one["metadata"]["name"] == name), None)

    def selected(self, selector: dict) -> list[Pod]:
        return [pod for pod in self.pods if selector.items() <= pod.labels.items()]

    @property
    def services_pods(self) -> list[Pod]:
        """The pods that serve, without jobs and tests."""
        return [pod for pod in self.pods if not pod.hooks]

    def place(self, pod: Pod) -> dict:
        """What the config says of where a pod listens."""
        if pod.role == "tier-gateway":
            return self.config["backends"][pod.component.removeprefix("gateway-")]["gateway"]
        if pod.role == "edge":
            return self.config["edge"]
        return self.config["services"][SECTIONS.get(pod.role, pod.role)]

    def config_files(self) -> list[str]:
        """Every file of a secret that the config names."""
        return [path for path in _texts(self.config) if path.startswith("/etc/terrace/")]


def _pods(objects: list[dict]):
    for one in objects:
        spec = one.get("spec") or {}
        template = one if one["kind"] == "Pod" else spec.get("template")
        if template is None or one["kind"] not in ("Pod", "Job", "Deployment", "StatefulSet"):
            continue
        hooks = (one["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
        yield Pod(one["metadata"]["name"], template["metadata"]["labels"], template["spec"], hooks)


def _existing_secrets(values: object):
    if isinstance(values, dict):
        for key, value in values.items():
            if key == "existingSecret":
                yield value
            yield from _existing_secrets(value)
    if isinstance(values, list):
        for value in values:
            yield from _existing_secrets(value)


def _texts(value: object):
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts(inner)
