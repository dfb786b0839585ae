"""``python -m tests.pods.vendored``: the schemas that manifests and docker-compose.yml are held against.

They are made of the API descriptions in the Go modules of Kubernetes, of the Prometheus operator and of
Compose (all under the Apache License 2.0), which the Go command fetches and verifies; schemas/README.md says
so beside them. Only the kinds that are used are taken, without their descriptions, and strict: an unknown
key is an error.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

SCHEMAS: Final = Path(__file__).parent / "schemas"

KUBERNETES: Final = ("v1.29.15", "v1.36.3")
"""The oldest version that the chart is for, and a new one."""
OPERATOR: Final = "v0.85.0"
COMPOSE: Final = "v2.16.2"

KINDS: Final = {
    "configmap-v1": "io.k8s.api.core.v1.ConfigMap",
    "secret-v1": "io.k8s.api.core.v1.Secret",
    "service-v1": "io.k8s.api.core.v1.Service",
    "serviceaccount-v1": "io.k8s.api.core.v1.ServiceAccount",
    "deployment-apps-v1": "io.k8s.api.apps.v1.Deployment",
    "statefulset-apps-v1": "io.k8s.api.apps.v1.StatefulSet",
    "poddisruptionbudget-policy-v1": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "horizontalpodautoscaler-autoscaling-v2": "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "networkpolicy-networking-v1": "io.k8s.api.networking.v1.NetworkPolicy",
}
"""By the name under which kubeconform looks for a kind, its definition."""
OF_OPERATOR: Final = {
    "servicemonitor-monitoring-v1": "servicemonitors",
    "podmonitor-monitoring-v1": "podmonitors",
    "prometheusrule-monitoring-v1": "prometheusrules",
}

# The shapes are those of JSON Schema, of which nothing is known here beforehand.
Json = Any

_REFERENCE = "#/definitions/"
_KEPT = frozenset(
    {
        *("type", "format", "properties", "items", "required", "enum", "additionalProperties", "pattern"),
        *("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "default"),
        *("$ref", "anyOf", "oneOf", "allOf"),
    }
)
_EITHER: Json = {"type": ["string", "integer"]}
_SPECIAL: dict[str, Json] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _EITHER,
}


def strict(schema: Json) -> Json:
    """The same without what says nothing, and with no more keys than are named."""
    if schema.get("x-kubernetes-int-or-string"):
        return _EITHER
    less = {key: value for key, value in schema.items() if key in _KEPT}
    if less.get("format") in ("int32", "int64", "double", "byte"):
        del less["format"]
    if "properties" in less:
        less["properties"] = {name: strict(value) for name, value in less["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            less.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(less.get(key), dict):
            less[key] = strict(less[key])
    return less


def reached(schema: Json) -> set[str]:
    """The definitions that a schema refers to."""
    if isinstance(schema, dict):
        found = {schema["$ref"].removeprefix(_REFERENCE)} if isinstance(schema.get("$ref"), str) else set()
        return found.union(*map(reached, schema.values()))
    return set().union(*map(reached, schema)) if isinstance(schema, list) else set()


def of_kind(definitions: Json, name: str) -> Json:
    """The schema of one definition, whole by itself."""
    taken: dict[str, Json] = {}
    wanted = {name}
    while wanted:
        new = {wish: _SPECIAL.get(wish) or strict(definitions[wish]) for wish in wanted}
        taken |= new
        wanted = set().union(*map(reached, new.values())) - taken.keys()
    return {"$ref": _REFERENCE + name, "definitions": dict(sorted(taken.items()))}


def module(path: str, version: str) -> Path:
    """A Go module, fetched into Go's own cache."""
    command = ["go", "mod", "download", "-json", f"{path}@{version}"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Path(said["Dir"])


def write(path: Path, schema: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, separators=(",", ":")) + "\n")


def main() -> None:
    for version in KUBERNETES:
        text = (module("k8s.io/kubernetes", version) / "api" / "openapi-spec" / "swagger.json").read_text()
        definitions = json.loads(text)["definitions"]
        for name, definition in KINDS.items():
            write(SCHEMAS / version / f"{name}.json", of_kind(definitions, definition))
    operator = module("github.com/prometheus-operator/prometheus-operator", OPERATOR)
    for name, plural in OF_OPERATOR.items():
        crd = yaml.safe_load(
            (
                operator / "example/prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"
            ).read_text()
        )
        (served,) = crd["spec"]["versions"]
        schema = strict(served["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        write(SCHEMAS / "operator" / f"{name}.json", schema)
    compose = module("github.com/compose-spec/compose-go/v2", COMPOSE) / "schema" / "compose-spec.json"
    write(SCHEMAS / "compose-spec.json", json.loads(compose.read_text()))


if __name__ == "__main__":
    main()
