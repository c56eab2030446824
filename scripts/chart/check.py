"""Checks the chart: renders each example, looks at it in every way, and says what is wrong.

Run by scripts/chart.sh, which brings the tools: check.py --helm3 PROGRAM --terrace PROGRAM
--module NAME=FOLDER... [--write]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

import kinds
import network
import render
import semantics
from rendering import Rendering

HERE = Path(__file__).resolve().parent
RENDERED = render.CHART / "examples" / "rendered"


def main() -> int:
    """Runs everything; the exit code says whether all is well."""
    options = _arguments()
    modules = {name: Path(folder) for name, folder in (one.split("=", 1) for one in options.module)}
    wrong = 0
    for text in _everything(options, modules):
        print(text, file=sys.stderr, flush=True)
        wrong += 1
    print(f"chart: {len(render.examples())} examples, {len(_refused())} refused values, {wrong} complaints")
    return 1 if wrong else 0


def _everything(options: argparse.Namespace, modules: dict[str, Path]):
    for example in render.examples():
        yield from (f"{example}: {text}" for text in _example(example, options, modules))
    yield from _refusals(options.helm3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm3", required=True)
    parser.add_argument("--terrace", required=True)
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--write", action="store_true", help="write the committed renderings anew")
    return parser.parse_args()


def _example(example: str, options: argparse.Namespace, modules: dict[str, Path]):
    given = render.values(render.values_files(example))
    try:
        objects = render.helm4(given)
        by_helm3 = render.helm3(options.helm3, given)
    except render.Refused as refused:
        yield f"refused: {refused}"
        return
    if render.as_text(by_helm3) != render.as_text(objects):
        yield "Helm 3 and Helm 4 render different objects"
    yield from render.lint4(given)
    yield from render.lint3(options.helm3, given)
    for one in objects:
        yield from kinds.complaints(one, modules)
    rendering = Rendering(objects, given)
    for check in [*semantics.ALL, network.call_graph]:
        yield from check(rendering)
    yield from _config(rendering, options.terrace)
    yield from _committed(example, objects, options.write)


def _config(rendering: Rendering, terrace: str):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(rendering.config_text)
        file.flush()
        done = subprocess.run([terrace, "config", "check", file.name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"terrace config check: {done.stderr}"


def _committed(example: str, objects: list[dict], write: bool):
    file = RENDERED / f"{example}.yaml"
    text = render.as_text(objects)
    if write:
        RENDERED.mkdir(exist_ok=True)
        file.write_text(text)
    elif not file.exists() or file.read_text() != text:
        yield f"{file.name} is not what the chart renders: look at the difference, then scripts/chart.sh --write"


def _refused() -> list[dict]:
    return yaml.safe_load((HERE / "refused.yaml").read_text())


def _refusals(helm3: str):
    for case in _refused():
        given = render.values(render.values_files("tiers"))
        render.lay_over(given, case["values"])
        for name, rendered in {"Helm 4": render.helm4, "Helm 3": lambda v: render.helm3(helm3, v)}.items():
            try:
                rendered(given)
                yield f"{name} accepts wrong values: {case}"
            except render.Refused as refused:
                if not _names(str(refused), case["key"]):
                    yield f"{name} does not name {case['key']}: {refused}"


def _names(message: str, key: str) -> bool:
    """Schemas write /a/b or a.b, and the last name apart where it is not known."""
    message = message.replace("/", ".")
    above, _, last = key.rpartition(".")
    return key in message or (last in message and above in message)


if __name__ == "__main__":
    sys.exit(main())
