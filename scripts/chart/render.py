"""Renders the chart: with Helm 4 in this process, with Helm 3 as a program.

Both give the same list of objects, in the order of their templates. Values files are laid over one
another as `helm -f A -f B` does.
"""

import subprocess
from pathlib import Path

import helm_python
import yaml

CHART = Path(__file__).resolve().parents[2] / "helm" / "terrace"
RELEASE = "demo"
NAMESPACE = "llm"
# A Helm 3 that is built from its module does not know a version of its own.
KUBERNETES = "v1.34.0"
# An example's values lie over these files.
UNDER = {"ha": ["values-ha.yaml"]}


class Refused(Exception):
    """Helm refuses the values; the text is what it says to the user."""


def examples() -> list[str]:
    """The names of all examples."""
    return sorted(path.stem for path in (CHART / "examples").glob("*.yaml"))


def values_files(example: str) -> list[Path]:
    """What `-f` is given for an example, lowest first."""
    return [*(CHART / name for name in UNDER.get(example, [])), CHART / "examples" / f"{example}.yaml"]


def values(files: list[Path]) -> dict:
    """The values of files laid over one another."""
    merged: dict = {}
    for file in files:
        lay_over(merged, yaml.safe_load(file.read_text()) or {})
    return merged


def lay_over(below: dict, above: dict) -> None:
    """Lays values over others, map by map, as Helm does."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            lay_over(below[key], value)
        else:
            below[key] = value


def helm4(given: dict, namespace: str = NAMESPACE) -> list[dict]:
    """The objects as Helm 4 renders them; raises Refused."""
    chart = helm_python.Chart.load(str(CHART))
    try:
        chart.validate_schema(given)
        rendered = chart.render(given, name=RELEASE, namespace=namespace)
    except helm_python.HelmError as error:
        raise Refused(str(error)) from error
    texts = [rendered[path] for path in sorted(rendered) if path.endswith(".yaml")]
    return _objects("\n---\n".join(texts))


def helm3(program: str, given: dict) -> list[dict]:
    """The objects as Helm 3 renders them; raises Refused."""
    command = [program, "template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--kube-version", KUBERNETES, "--values", "-"]
    done = subprocess.run(command, input=yaml.safe_dump(given), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return _objects(done.stdout)


def lint3(program: str, given: dict) -> list[str]:
    """What `helm lint --strict` of Helm 3 finds wrong."""
    command = [program, "lint", str(CHART), "--strict", "--namespace", NAMESPACE, "--kube-version", KUBERNETES, "--values", "-"]
    done = subprocess.run(command, input=yaml.safe_dump(given), capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def lint4(given: dict) -> list[str]:
    """What the linter of Helm 4 finds wrong; warnings count, notes do not."""
    report = helm_python.lint(str(CHART), given, strict=True, namespace=NAMESPACE)
    serious = [m for m in report.get("messages") or [] if m["severity"] > 1]
    return [f"{m['path']}: {m['error']}" for m in serious]


def _objects(text: str) -> list[dict]:
    return [one for one in yaml.safe_load_all(text) if one]


def sorted_objects(objects: list[dict]) -> list[dict]:
    """The same objects in an order that does not depend on Helm's."""
    return sorted(objects, key=lambda one: (one["kind"], one["metadata"]["name"]))


def as_text(objects: list[dict]) -> str:
    """Objects as they are committed beside the examples."""
    return yaml.safe_dump_all(sorted_objects(objects), sort_keys=True, width=110)
