"""Runs the pods of one example as processes, and routes a request to each tier.

pods.py --terrace PROGRAM --provider PROGRAM --database URL [--hold SECONDS]

Each pod has a network namespace and an address of its own, and a root that it cannot write to, with
the files that its volumes bring and nothing else but the program (and the libraries of a program that is
not static). It runs as the user that its spec names, with exactly its arguments and environment, and
without new privileges. Names of Services are in each pod's hosts file. The NetworkPolicies are firewall
rules in the namespaces. First the migration runs, twice; when every pod's health answers, the pods of
`helm test` run; then calls that the call graph does not have are tried, and have to fail. Needs root.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import network
import observed
import render
from rendering import Pod, Rendering
from sandbox import HOST, Sandbox, from_pod

EXAMPLE = "ci"
PATIENCE = 90


def main() -> int:
    """Says what it does while it does it; the exit code says whether all of it went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--terrace", required=True)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--database", required=True, help="URL of a PostgreSQL in which a database may be made")
    parser.add_argument("--hold", type=int, default=0, help="stay up for so long before the end")
    options = parser.parse_args()
    given = render.values(render.values_files(EXAMPLE))
    rendering = Rendering(render.helm4(given), given)
    with tempfile.TemporaryDirectory(prefix="terrace-pods-") as folder:
        os.chmod(folder, 0o755)
        with Sandbox(Path(folder), rendering, options) as sandbox:
            return _run(rendering, sandbox, options)


def _run(rendering: Rendering, sandbox: Sandbox, options: argparse.Namespace) -> int:
    [migration] = [pod for pod in rendering.pods if pod.component == "migrate"]
    for turn in ("first", "again"):
        if sandbox.start(migration).wait(PATIENCE) != 0:
            return _failed(sandbox, migration, "the migration failed")
        print(f"migration, {turn}: done")
    for pod in rendering.services_pods:
        sandbox.start(pod)
    for pod in rendering.services_pods:
        if not _becomes_ready(sandbox, pod):
            return _failed(sandbox, pod, "never became ready")
    print(f"ready: {', '.join(pod.component for pod in rendering.services_pods)}")
    for pod in (pod for pod in rendering.pods if pod.hooks == "test"):
        if not _passes(sandbox, pod):
            return _failed(sandbox, pod, "the test failed")
        print(f"{pod.name}: {sandbox.output(pod).strip().splitlines()[0]} …")
    print(f"over HTTP: {_over_http(rendering, sandbox)}")
    wrong = list(_forbidden_calls(rendering, sandbox)) + observed.missing(_metrics(rendering, sandbox))
    for text in wrong:
        print(text, file=sys.stderr)
    time.sleep(options.hold)
    print(f"pods: {len(rendering.services_pods)} ran as their specs say, {len(wrong)} complaints")
    return 1 if wrong else 0


def _over_http(rendering: Rendering, sandbox: Sandbox) -> str:
    """One request through the edge, as a client of OpenAI sends it; says which model answered."""
    [edge] = [pod for pod in rendering.services_pods if pod.role == "edge"]
    body = {"model": "terrace/auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    url = f"http://{sandbox.address(edge)}:{edge.ports['http']}/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["model"]


def _failed(sandbox: Sandbox, pod: Pod, what: str) -> int:
    print(f"{pod.name}: {what}:\n{sandbox.output(pod)[-3000:]}", file=sys.stderr)
    return 1


def _becomes_ready(sandbox: Sandbox, pod: Pod) -> bool:
    """Whether the port that the kubelet asks is open to the node; what answers there is tried by the tests after."""
    until = time.monotonic() + PATIENCE
    port = pod.ports["http" if pod.role == "edge" else "health"]
    while time.monotonic() < until and sandbox.is_running(pod):
        if from_pod(HOST, sandbox.address(pod), port):
            return True
        time.sleep(0.3)
    return False


def _passes(sandbox: Sandbox, pod: Pod) -> bool:
    """Whether a test passes, now or soon: what models a gateway has is known a moment after its port is open."""
    until = time.monotonic() + PATIENCE
    while sandbox.start(pod).wait(PATIENCE) != 0:
        if time.monotonic() > until:
            return False
        time.sleep(1)
    return True


def _forbidden_calls(rendering: Rendering, sandbox: Sandbox):
    """Tries every pair of pods on every port, and compares with what the policies say."""
    policies = rendering.of("NetworkPolicy")
    pods = rendering.services_pods
    pairs = [(caller, callee) for caller in pods for callee in pods if caller is not callee]
    ways = [(caller, callee, name) for caller, callee in pairs for name in callee.ports]
    # What is not let through is found out by waiting, so many wait at once.
    with ThreadPoolExecutor(16) as pool:
        reached = list(pool.map(lambda way: from_pod(sandbox.namespace(way[0]), sandbox.address(way[1]), way[1].ports[way[2]]), ways))
    for (caller, callee, name), came_through in zip(ways, reached, strict=True):
        port = callee.ports[name]
        if came_through != network.lets_through(policies, caller, callee, port):
            yield f"{caller.name} -> {callee.name}:{port} ({name}): {'can' if came_through else 'cannot'} be reached"
    print(f"call graph: {len(ways)} ways between pods tried, {sum(reached)} open")


def _metrics(rendering: Rendering, sandbox: Sandbox) -> str:
    """What a Prometheus would scrape of all pods."""
    texts = []
    for pod in rendering.services_pods:
        with urllib.request.urlopen(f"http://{sandbox.address(pod)}:{pod.ports['metrics']}/metrics", timeout=10) as answer:
            texts.append(answer.read().decode())
    return "\n".join(texts)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("pods.py: network namespaces need root")
    sys.exit(main())
