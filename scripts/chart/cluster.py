"""Installs, upgrades, rolls back and tests every example against a real API server.

Run by scripts/apiserver.sh, which starts the server: cluster.py --kubeconfig FILE --helm3 PROGRAM
--module NAME=FOLDER...

Each namespace enforces Pod Security `restricted`. What is rendered is created as a dry run with strict
fields first, hooks and tests too; then Helm does its work, and each time the pod of every workload that
the server has is created as a dry run, since Pod Security refuses pods alone. There is no node:
nothing is scheduled and nothing runs. The CRDs are the whole ones of the projects that define them.
"""

import argparse
import copy
import sys
import time
from pathlib import Path

import yaml

import kinds
import render
from api import DRY_RUN, Api, Refused, StandIn, pod_of
from releases import Helm3, Helm4

WORKLOADS = [("apps/v1", "Deployment"), ("apps/v1", "StatefulSet")]
CHANGED = {"defaults": {"terminationGracePeriodSeconds": 50}, "commonLabels": {"team": "platform"}}
# What the server adds by itself.
ADDED = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]


class Complaint(Exception):
    """Something is not as it has to be."""


def main() -> int:
    """Runs everything; the exit code says whether all is well."""
    options = _arguments()
    api = Api(options.kubeconfig)
    modules = {name: Path(folder) for name, folder in (one.split("=", 1) for one in options.module)}
    wrong = _catches_a_root_user(api)
    print(f"API server {api.call('GET', '/version')['gitVersion']}, {_define(api, modules)} CRDs")
    for example in render.examples():
        by_helm3 = Helm3(options.helm3, options.kubeconfig, f"{example}-helm3")
        for helm in (by_helm3, Helm4(options.kubeconfig, f"{example}-helm4")):
            try:
                print(f"{example}, {helm.name}: {_example(api, helm, example)}", flush=True)
            except (Complaint, Refused, render.Refused) as error:
                wrong.append(f"{example}, {helm.name}: {error}")
    wrong += sorted(set(api.warnings))
    for text in wrong:
        print(text, file=sys.stderr)
    print(f"cluster: {len(render.examples())} examples, 2 versions of Helm, {len(wrong)} complaints")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True, type=Path, help="as scripts/chart/apiserver writes it")
    parser.add_argument("--helm3", required=True)
    parser.add_argument("--module", action="append", default=[])
    return parser.parse_args()


def _define(api: Api, modules: dict[str, Path]) -> int:
    """The CRDs that the examples need, whole; returns how many."""
    wanted = {}
    for example in render.examples():
        for one in render.helm4(render.values(render.values_files(example))):
            group, _, version = one["apiVersion"].partition("/")
            if group in kinds.DEFINED_BY:
                module, path = kinds.DEFINED_BY[group]
                wanted[(group, version, one["kind"])] = modules[module] / path.format(plural=f"{one['kind'].lower()}s")
    for file in wanted.values():
        definition = yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    for group, version, kind in wanted:
        _wait_for_kind(api, f"{group}/{version}", kind)
    # Those projects' own.
    api.warnings.clear()
    return len(wanted)


def _wait_for_kind(api: Api, api_version: str, kind: str) -> None:
    for _ in range(300):
        try:
            api.list(api_version, kind, "default")
            return
        except Refused:
            time.sleep(0.1)
    raise Complaint(f"the API server does not serve {api_version} {kind}")


def _namespace(api: Api, name: str) -> None:
    """One that enforces `restricted`, with the account that a controller would make in it."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": levels}})
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}, name)


def _catches_a_root_user(api: Api) -> list[str]:
    """Whether Pod Security is there at all."""
    _namespace(api, "refused")
    spec = {"containers": [{"name": "root", "image": "terrace", "securityContext": {"runAsUser": 0}}]}
    try:
        api.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": spec}, "refused", DRY_RUN)
    except Refused as refused:
        if "violates PodSecurity" in str(refused):
            return []
        return [f"a pod of root is refused for another reason: {refused}"]
    return ["a pod of root is accepted: Pod Security does not work"]


def _example(api: Api, helm: Helm3 | Helm4, example: str) -> str:
    """One example under one Helm; says what was accepted."""
    _namespace(api, helm.namespace)
    values = render.values(render.values_files(example))
    objects = render.helm4(values, helm.namespace)
    for one in objects:
        api.create(one, helm.namespace, DRY_RUN)
    stand_in = StandIn(api, helm.namespace)
    stand_in.start()
    try:
        pods = _life(api, helm, values)
    except render.Refused as refused:
        raise Complaint(f"{refused} (hooks: {stand_in.refused or 'none refused'})") from refused
    finally:
        stand_in.stop()
    tests = {one["metadata"]["name"] for one in objects if one["kind"] == "Pod"}
    if stand_in.refused or len(stand_in.jobs) != 2 or stand_in.tests != tests:
        raise Complaint(f"hooks: jobs {stand_in.jobs}, tests {stand_in.tests}, refused {stand_in.refused}")
    return f"{len(objects)} objects, {pods} pods of workloads, 2 of migrations and {len(tests)} of tests accepted"


def _life(api: Api, helm: Helm3 | Helm4, values: dict) -> int:
    """From install to uninstall; returns how many pods of workloads were judged."""
    helm.install(values)
    pods, installed = _judge(api, helm.namespace), _stored(api, helm.namespace)
    changed = copy.deepcopy(values)
    render.lay_over(changed, CHANGED)
    helm.upgrade(changed)
    pods += _judge(api, helm.namespace)
    if _stored(api, helm.namespace) == installed:
        raise Complaint("the upgrade changed nothing")
    helm.test()
    helm.rollback()
    pods += _judge(api, helm.namespace)
    if _stored(api, helm.namespace) != installed:
        raise Complaint("after the rollback the objects are not those of the first revision")
    helm.uninstall()
    if left := [one["metadata"]["name"] for one in _workloads(api, helm.namespace)]:
        raise Complaint(f"left after uninstall: {left}")
    return pods


def _workloads(api: Api, namespace: str) -> list[dict]:
    return [one for kind in WORKLOADS for one in api.list(*kind, namespace)]


def _judge(api: Api, namespace: str) -> int:
    """Has the pod of every workload judged; returns how many there are."""
    workloads = _workloads(api, namespace)
    for workload in workloads:
        api.create(pod_of(workload), namespace, DRY_RUN)
    return len(workloads)


def _stored(api: Api, namespace: str) -> dict:
    """What the server has of the release's own objects; hooks are no part of it."""
    stored = {}
    for kind in [*WORKLOADS, ("v1", "Service"), ("v1", "ConfigMap"), ("networking.k8s.io/v1", "NetworkPolicy")]:
        for one in api.list(*kind, namespace):
            if "helm.sh/hook" in one["metadata"].get("annotations", {}):
                continue
            for key in ADDED:
                one["metadata"].pop(key, None)
            one.pop("status", None)
            stored[f"{one['kind']}/{one['metadata']['name']}"] = one
    return stored


if __name__ == "__main__":
    sys.exit(main())
