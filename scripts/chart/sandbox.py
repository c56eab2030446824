"""Where pods run as processes: namespaces on a bridge, a root folder each, firewall rules from policies."""

import json
import re
import socket
import subprocess
import threading
import uuid
from pathlib import Path

import network
from rendering import Pod, Rendering

HOST = ""
SUBNET = "10.97.31"
# The names of servers outside that the example's values have, and where each listens on the node.
OUTSIDE = {"model-server": 8080, "postgres": 5432}
MODELS = ["smollm2-135m-instruct", "smollm2-360m-instruct"]


def from_pod(namespace: str, address: str, port: int) -> bool:
    """Whether somebody in a namespace (or on the node) can open a connection."""
    command = ["timeout", "2", "bash", "-c", f": </dev/tcp/{address}/{port}"]
    if namespace:
        command = ["ip", "netns", "exec", namespace, *command]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Sandbox:
    """The node: made on entry, gone with everything in it on exit."""

    def __init__(self, folder: Path, rendering: Rendering, options) -> None:
        self.folder, self.rendering, self.options = folder, rendering, options
        self.pods = {pod.name: number for number, pod in enumerate(rendering.pods, 10)}
        self.processes: dict[str, subprocess.Popen] = {}
        self.others: list[subprocess.Popen] = []
        self.database = f"pods_{uuid.uuid4().hex[:12]}"

    def __enter__(self) -> "Sandbox":
        _run("ip", "link", "add", "trc-node", "type", "bridge")
        _run("ip", "addr", "add", f"{SUBNET}.1/24", "dev", "trc-node")
        _run("ip", "link", "set", "trc-node", "up")
        for pod in self.rendering.pods:
            self._namespace(pod)
            self._firewall(pod)
        self._sql("postgres", f'CREATE DATABASE "{self.database}"')
        where = re.search(r"@([^:/]+):(\d+)/", self.options.database)
        _forward(OUTSIDE["postgres"], (where.group(1), int(where.group(2))))
        listen = ["--listen", f"{SUBNET}.1:{OUTSIDE['model-server']}", "--label", "Paris."]
        served = [text for model in MODELS for text in ("--model", model)]
        self.others.append(subprocess.Popen([self.options.provider, *listen, *served], stdout=subprocess.DEVNULL))
        return self

    def __exit__(self, *_error: object) -> None:
        for process in [*self.processes.values(), *self.others]:
            process.terminate()
        for process in [*self.processes.values(), *self.others]:
            process.wait(60)
        for pod in self.rendering.pods:
            subprocess.run(["ip", "netns", "del", self.namespace(pod)], check=False)
        subprocess.run(["ip", "link", "del", "trc-node"], check=False)
        self._sql("postgres", f'DROP DATABASE "{self.database}" WITH (FORCE)')

    def namespace(self, pod: Pod) -> str:
        return f"trc-{self.pods[pod.name]}"

    def address(self, pod: Pod) -> str:
        return f"{SUBNET}.{self.pods[pod.name]}"

    def is_running(self, pod: Pod) -> bool:
        return self.processes[pod.name].poll() is None

    def output(self, pod: Pod) -> str:
        return (self.folder / f"{pod.name}.log").read_text(errors="replace")

    def start(self, pod: Pod) -> subprocess.Popen:
        """Runs the pod's own container as its spec says."""
        [container] = pod.spec["containers"]
        user = pod.spec["securityContext"]
        root = self._root(pod, container, user)
        mounts = f'mount --bind "{root}" "{root}" && '
        if self._is_dynamic():
            mounts += "".join(f'mount --bind -o ro /{name} "{root}/{name}" && ' for name in ("lib", "lib64", "usr"))
        enter = f'exec setpriv --no-new-privs chroot --userspec={user["runAsUser"]}:{user["runAsGroup"]} "{root}" /terrace "$@"'
        script = f'{mounts} mount -o remount,ro,bind "{root}" && {enter}'
        command = ["ip", "netns", "exec", self.namespace(pod), "unshare", "--mount", "sh", "-c", script, "pod"]
        with (self.folder / f"{pod.name}.log").open("w") as log:
            process = subprocess.Popen([*command, *container["args"]], stdout=log, stderr=log, env=self._env(pod, container))
        self.processes[pod.name] = process
        return process

    def _is_dynamic(self) -> bool:
        done = subprocess.run(["ldd", self.options.terrace], capture_output=True, text=True, check=False)
        return "=>" in done.stdout

    def _root(self, pod: Pod, container: dict, user: dict) -> Path:
        root = self.folder / pod.name
        (root / "etc").mkdir(parents=True, exist_ok=True)
        for name in ("lib", "lib64", "usr"):
            (root / name).mkdir(exist_ok=True)
        _run("cp", self.options.terrace, str(root / "terrace"))
        (root / "etc" / "hosts").write_text(self._hosts())
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            for path, text in self._files(volumes[mount["name"]]).items():
                file = root / mount["mountPath"].lstrip("/") / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
                _run("chown", f"0:{user['fsGroup']}", str(file))
                file.chmod(0o440)
        return root

    def _files(self, volume: dict) -> dict[str, str]:
        if "configMap" in volume:
            return self.rendering.get("ConfigMap", volume["configMap"]["name"])["data"]
        assert volume["secret"]["secretName"] == "terrace-database", volume
        credentials = re.match(r"(\w+://[^@]+@)", self.options.database).group(1)
        return {item["path"]: f"{credentials}postgres:5432/{self.database}" for item in volume["secret"]["items"]}

    def _hosts(self) -> str:
        """What the cluster's DNS would say: a headless Service is its pods, others lead to them too."""
        lines = ["127.0.0.1 localhost", *(f"{SUBNET}.1 {name}" for name in OUTSIDE)]
        for service in self.rendering.of("Service"):
            for pod in self.rendering.selected(service["spec"]["selector"]):
                lines.append(f"{self.address(pod)} {service['metadata']['name']}")
        return "\n".join(lines) + "\n"

    def _env(self, pod: Pod, container: dict) -> dict[str, str]:
        known = {"metadata.name": pod.name, "metadata.namespace": "llm"}
        env: dict[str, str] = {}
        for one in container.get("env", []):
            value = one.get("value") or known[one["valueFrom"]["fieldRef"]["fieldPath"]]
            env[one["name"]] = re.sub(r"\$\((\w+)\)", lambda found: env[found.group(1)], value)
        # For the programs on the way to the container's own, which would be without it otherwise.
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **env}

    def _namespace(self, pod: Pod) -> None:
        name, inner = self.namespace(pod), f"trc-p{self.pods[pod.name]}"
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", inner, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "link", "set", inner, "master", "trc-node", "up")
        within = ("ip", "-n", name)
        _run(*within, "addr", "add", f"{self.address(pod)}/24", "dev", "eth0")
        _run(*within, "link", "set", "eth0", "up")
        _run(*within, "link", "set", "lo", "up")

    def _firewall(self, pod: Pod) -> None:
        """What the policies let in and out; the node comes in everywhere, as the kubelet does."""
        policies = self.rendering.of("NetworkPolicy")
        if not policies:
            return
        rules = ["-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT", f"-A INPUT -s {SUBNET}.1 -j ACCEPT"]
        rules += [f"-A {chain} -m state --state ESTABLISHED,RELATED -j ACCEPT" for chain in ("INPUT", "OUTPUT")]
        for other in self.rendering.pods:
            for port in pod.ports.values():
                if network.lets_through(policies, other, pod, port):
                    rules.append(f"-A INPUT -s {self.address(other)} -p tcp --dport {port} -j ACCEPT")
            for port in other.ports.values():
                if network.lets_through(policies, pod, other, port):
                    rules.append(f"-A OUTPUT -d {self.address(other)} -p tcp --dport {port} -j ACCEPT")
        for port in network.ports_outside(policies, pod):
            rules.append(f"-A OUTPUT -d {SUBNET}.1 -p tcp --dport {port} -j ACCEPT")
        text = "*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT DROP\n" + "\n".join(rules) + "\nCOMMIT\n"
        _run("ip", "netns", "exec", self.namespace(pod), "iptables-restore", given=text)

    def _sql(self, database: str, statement: str) -> None:
        address = re.sub(r"/[^/]*$", f"/{database}", self.options.database)
        _run("psql", "--quiet", address, "--command", statement)


def _run(*command: str, given: str | None = None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{json.dumps(command)}: {done.stderr}")


def _forward(port: int, to: tuple[str, int]) -> None:
    """Lets pods reach a server of this machine's loopback at a port of the node."""
    listener = socket.create_server((f"{SUBNET}.1", port))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()

    def accept() -> None:
        while True:
            inner, _ = listener.accept()
            outer = socket.create_connection(to)
            for ends in ((inner, outer), (outer, inner)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
