"""A release of the chart in a namespace of a cluster, as Helm 3 (a program) and Helm 4 (in this process) see it.

Both wait for hooks alone, since nothing else ever becomes ready where there are no nodes. What Helm or the
cluster refuses is raised as render.Refused.
"""

import subprocess
from pathlib import Path

import helm_python
import yaml

import render

PATIENCE = 60


class Helm3:
    """The program."""

    name = "Helm 3"

    def __init__(self, program: str, kubeconfig: Path, namespace: str) -> None:
        self.program, self.kubeconfig, self.namespace = program, kubeconfig, namespace

    def install(self, values: dict) -> None:
        self._run("install", str(render.CHART), "--values", "-", values=values)

    def upgrade(self, values: dict) -> None:
        self._run("upgrade", str(render.CHART), "--values", "-", values=values)

    def test(self) -> None:
        self._run("test")

    def rollback(self) -> None:
        self._run("rollback", "1")

    def uninstall(self) -> None:
        self._run("uninstall")

    def _run(self, action: str, *more: str, values: dict | None = None) -> None:
        flags = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace, "--timeout", f"{PATIENCE}s"]
        command = [self.program, action, render.RELEASE, *more, *flags]
        given = yaml.safe_dump(values) if values else None
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        # Warnings of the API server go there too.
        if done.returncode != 0 or "warning" in done.stderr.lower():
            raise render.Refused(f"helm {action}: {done.stderr or done.stdout}")


class Helm4:
    """The library, which applies on the server's side as the program does."""

    name = "Helm 4"

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.namespace = namespace
        self.config = helm_python.Config(kubeconfig_path=kubeconfig, namespace=namespace)
        self.waits = {"timeout": PATIENCE, "wait": "hookOnly"}

    def install(self, values: dict) -> None:
        self._run("install", str(render.CHART), render.RELEASE, values, namespace=self.namespace, **self.waits)

    def upgrade(self, values: dict) -> None:
        self._run("upgrade", str(render.CHART), render.RELEASE, values, namespace=self.namespace, **self.waits)

    def test(self) -> None:
        self._run("test", render.RELEASE, timeout=PATIENCE)

    def rollback(self) -> None:
        self._run("rollback", render.RELEASE, version=1, **self.waits)

    def uninstall(self) -> None:
        self._run("uninstall", render.RELEASE, **self.waits)

    def _run(self, action: str, *given: object, **more: object) -> None:
        try:
            getattr(self.config, action)(*given, **more)
        except helm_python.HelmError as error:
            raise render.Refused(f"helm {action}: {error}") from error
