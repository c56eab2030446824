"""Checks the compose files: the schema of the compose specification, and whether they fit together.

compose.py --terrace PROGRAM --module compose-spec=FOLDER
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = ["compose.yaml", "compose.observability.yaml"]


def main() -> int:
    """Says what is wrong; the exit code says whether anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--terrace", required=True)
    parser.add_argument("--module", action="append", default=[])
    options = parser.parse_args()
    modules = dict(one.split("=", 1) for one in options.module)
    schema = json.loads((Path(modules["compose-spec"]) / "schema" / "compose-spec.json").read_text())
    files = {name: yaml.safe_load((DEPLOY / name).read_text()) for name in FILES}
    wrong = []
    for name, content in files.items():
        errors = jsonschema.Draft7Validator(schema).iter_errors(content)
        wrong += [f"{name}: {error.json_path}: {error.message[:200]}" for error in errors]
    merged = {part: _merged(files, part) for part in ("services", "networks", "volumes", "configs")}
    wrong += [*_fit(merged), *_config(merged, options.terrace)]
    for text in wrong:
        print(text, file=sys.stderr)
    print(f"compose: {len(merged['services'])} services, {len(wrong)} complaints")
    return 1 if wrong else 0


def _merged(files: dict, part: str) -> dict:
    return {key: value for content in files.values() for key, value in (content.get(part) or {}).items()}


def _fit(merged: dict):
    for name, service in merged["services"].items():
        for network in service.get("networks", []):
            if network not in merged["networks"]:
                yield f"{name}: there is no network {network}"
        for other in service.get("depends_on", []):
            if other not in merged["services"]:
                yield f"{name}: there is no service {other}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith(".") and source not in merged["volumes"]:
                yield f"{name}: there is no volume {source}"
        for config in service.get("configs", []):
            if config["source"] not in merged["configs"]:
                yield f"{name}: there is no config {config['source']}"
        if ":latest" in service["image"] or ":" not in service["image"].rsplit("/", 1)[-1]:
            yield f"{name}: {service['image']} is no fixed version"
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: port {port} is open to the network"
    for name, config in merged["configs"].items():
        if not (DEPLOY / config["file"]).resolve().is_file():
            yield f"config {name}: there is no {config['file']}"


def _config(merged: dict, terrace: str):
    file = DEPLOY / "config" / "compose.yaml"
    done = subprocess.run([terrace, "config", "check", str(file)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"terrace config check: {done.stderr}"
    config = yaml.safe_load(file.read_text())
    places = [*config["services"].values(), *(one["gateway"] for one in config["backends"].values())]
    for host in (re.match(r"http://([^:/]+)", place["url"]).group(1) for place in places):
        if host not in merged["services"]:
            yield f"{file.name}: no service is called {host}"
    targets = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())["scrape_configs"][0]
    for target in targets["static_configs"][0]["targets"]:
        if target.split(":")[0] not in merged["services"]:
            yield f"prometheus.yaml: no service is called {target}"


if __name__ == "__main__":
    sys.exit(main())
