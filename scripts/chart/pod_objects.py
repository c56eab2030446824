"""Prints every object of the committed renderings as JSON, one a line, for podsecurity."""

import json

import render
import yaml

for file in sorted((render.CHART / "examples" / "rendered").glob("*.yaml")):
    for one in yaml.safe_load_all(file.read_text()):
        print(json.dumps(one))
