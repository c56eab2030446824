"""Strict schemas: Kubernetes' own of three versions, and those of the kinds that others define.

The latter come from the CRDs in the Go modules that define them. A key that a schema does not know is
an error, which the API server would drop without a word.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

VERSIONS = ["1.31", "1.34", "1.37"]
# Group -> the module of tools.sh whose files have its CRDs, and where.
DEFINED_BY = {
    "cert-manager.io": ("cert-manager", "deploy/crds/cert-manager.io_{plural}.yaml"),
    "keda.sh": ("keda", "config/crd/bases/keda.sh_{plural}.yaml"),
    "monitoring.coreos.com": ("prometheus-operator", "example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"),
    "gateway.networking.k8s.io": ("gateway-api", "config/crd/standard/gateway.networking.k8s.io_{plural}.yaml"),
}


def complaints(one: dict, modules: dict[str, Path]) -> Iterator[str]:
    """What the schemas say against an object."""
    name = f"{one['kind']}/{one['metadata']['name']}"
    group = one["apiVersion"].partition("/")[0]
    if group in DEFINED_BY:
        for error in _custom(group, one["apiVersion"], one["kind"], modules).iter_errors(one):
            yield f"{name}: {error.json_path}: {error.message[:200]}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{name}: Kubernetes {version}: {error.message[:200]} at {list(error.path)}"
        except kubernetes_validate.InvalidSchemaError:
            yield f"{name}: Kubernetes {version} does not know {one['apiVersion']} {one['kind']}"


_MODULES: dict[str, Path] = {}


def _custom(group: str, api_version: str, kind: str, modules: dict[str, Path]) -> jsonschema.Draft7Validator:
    _MODULES.update(modules)
    return _validator(group, api_version.partition("/")[2], kind)


@cache
def _validator(group: str, version: str, kind: str) -> jsonschema.Draft7Validator:
    module, path = DEFINED_BY[group]
    file = _MODULES[module] / path.format(plural=f"{kind.lower()}s")
    definition = yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    [schema] = [one["schema"]["openAPIV3Schema"] for one in definition["spec"]["versions"] if one["name"] == version]
    schema["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft7Validator(_strict(schema))


def _strict(schema: object) -> object:
    """The same schema with what it does not name forbidden."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if strict.pop("x-kubernetes-int-or-string", False):
        strict.pop("type", None)
    names_all = isinstance(strict.get("properties"), dict) and strict.get("type") == "object"
    if names_all and "additionalProperties" not in strict and not strict.get("x-kubernetes-preserve-unknown-fields"):
        strict["additionalProperties"] = False
    return strict
