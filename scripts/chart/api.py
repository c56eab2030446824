"""Speaks with an API server of Kubernetes, and stands in for what a cluster has beside one.

Warnings of the API server are kept: Pod Security tells of a Deployment's pods by one, and a field that is
on its way out is told of in the same way.
"""

import json
import ssl
import threading
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlencode

import yaml

PATIENCE = 30
DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}
STRICT = {"fieldValidation": "Strict"}


class Refused(Exception):
    """The API server does not take an object; the text is what it says."""


class Api:
    """An API server, as its administrator sees it."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self.url, self.token = cluster["server"], config["users"][0]["user"]["token"]
        self.context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.warnings: list[str] = []
        self._plurals: dict[str, dict[str, str]] = {}

    def call(self, method: str, path: str, body: dict | None = None, asked: dict | None = None) -> dict:
        """One request; raises Refused."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"authorization": f"Bearer {self.token}", "content-type": kind}
        url = f"{self.url}{path}?{urlencode(asked or {})}"
        request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=self.context) as answer:
                self.warnings += answer.headers.get_all("Warning") or []
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(_message(error.read().decode())) from error

    def create(self, one: dict, namespace: str, asked: dict = STRICT) -> dict:
        """Creates an object; raises Refused."""
        return self.call("POST", self.folder(one["apiVersion"], one["kind"], namespace), one, asked)

    def list(self, api_version: str, kind: str, namespace: str) -> list[dict]:
        """All objects of a kind, which an item of a list does not name itself."""
        items = self.call("GET", self.folder(api_version, kind, namespace))["items"]
        return [{"apiVersion": api_version, "kind": kind, **one} for one in items]

    def folder(self, api_version: str, kind: str, namespace: str) -> str:
        """Where objects of a kind are; raises Refused when the server has no such kind."""
        group = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        if kind not in self._plurals.get(group, {}):
            found = self.call("GET", group)["resources"]
            self._plurals[group] = {one["kind"]: one["name"] for one in found if "/" not in one["name"]}
        if kind not in self._plurals[group]:
            raise Refused(f"the API server has no {api_version} {kind}")
        return f"{group}/namespaces/{namespace}/{self._plurals[group][kind]}"


def _message(text: str) -> str:
    """What a refusal says; where there is nothing at all, it is no JSON."""
    return json.loads(text)["message"] if text.startswith("{") else text.strip()


def pod_of(workload: dict) -> dict:
    """The pod that a controller would make of a workload."""
    name, template = workload["metadata"]["name"], workload["spec"]["template"]
    metadata = {"name": f"{name}-0", **{key: template["metadata"].get(key, {}) for key in ("labels", "annotations")}}
    claims = [one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])]
    claimed = [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}-0"}} for claim in claims]
    spec = {**template["spec"], "volumes": [*template["spec"].get("volumes", []), *claimed]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class StandIn(threading.Thread):
    """Stands in for the job controller and the node of one namespace, so that Helm's hooks come to an end.

    A job's pod is created, which Pod Security judges, and then called done; so are the pods of
    `helm test`. Nothing is run.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(daemon=True)
        self.api, self.namespace = api, namespace
        self.jobs: list[str] = []
        self.tests: set[str] = set()
        self.refused: list[str] = []
        self._ends = threading.Event()

    def run(self) -> None:
        """Looks for work until it is told to stop."""
        while not self._ends.wait(0.2):
            try:
                for job in self.api.list("batch/v1", "Job", self.namespace):
                    self._finish_job(job)
                for pod in self.api.list("v1", "Pod", self.namespace):
                    self._finish_test(pod)
            except Refused as refused:
                self.refused.append(str(refused))
                return

    def stop(self) -> None:
        """Returns when it has stopped."""
        self._ends.set()
        self.join()

    def _finish_job(self, job: dict) -> None:
        if job.get("status", {}).get("completionTime"):
            return
        pod = self.api.create(pod_of(job), self.namespace)
        self.api.call("DELETE", f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}")
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        done = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("SuccessCriteriaMet", "Complete")]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": done}
        self._set_status("batch/v1", job, status)
        self.jobs.append(job["metadata"]["name"])

    def _finish_test(self, pod: dict) -> None:
        is_test = pod["metadata"].get("annotations", {}).get("helm.sh/hook") == "test"
        if is_test and pod["status"]["phase"] == "Pending":
            self._set_status("v1", pod, {"phase": "Succeeded"})
            self.tests.add(pod["metadata"]["name"])

    def _set_status(self, api_version: str, one: dict, status: dict) -> None:
        folder = self.api.folder(api_version, one["kind"], self.namespace)
        self.api.call("PATCH", f"{folder}/{one['metadata']['name']}/status", {"status": status})
