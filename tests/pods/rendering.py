"""What Helm and kustomize make of chart and manifests, as the documents that a cluster would be given."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from bootstrap.environments import CHECKOUT
from bootstrap.go_tools import go_tool
from tests.pods.vendored import KUBERNETES, SCHEMAS

K8S: Final = CHECKOUT / "k8s"
CHART: Final = K8S / "cqlproxy"
PRODUCTION: Final = CHART / "values-production.yaml"
NEWEST: Final = KUBERNETES[-1].removeprefix("v")

# A document has whatever keys its kind has.
Document = dict[str, Any]


class RenderError(Exception):
    """What the program said that would not render."""


def run(command: Sequence[str | Path]) -> str:
    """What it prints; raises `RenderError` when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RenderError(done.stderr + done.stdout)
    return done.stdout


@contextmanager
def values_file(values: Mapping[str, object]) -> Iterator[Path]:
    """Values as a file for -f."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(dict(values), file)
        file.flush()
        yield Path(file.name)


def helm_template(
    *files: Path,
    values: Mapping[str, object] | None = None,
    chart: Path = CHART,
    release: str = "cqlproxy",
    kubernetes: str = NEWEST,
) -> str:
    """The manifests of a release, by these files of values and then `values`."""
    return _template(files, json.dumps(values or {}), chart, release, kubernetes)


@cache
def _template(files: tuple[Path, ...], values: str, chart: Path, release: str, kubernetes: str) -> str:
    with values_file(json.loads(values)) as last:
        given = [word for file in (*files, last) for word in ("-f", file)]
        return run([go_tool("helm"), "template", release, chart, "--kube-version", kubernetes, *given])


def documents(text: str) -> list[Document]:
    """The documents of a stream, but for empty ones."""
    return [document for document in yaml.safe_load_all(text) if document]


def chart(*files: Path, values: Mapping[str, object] | None = None, **options: Any) -> list[Document]:
    """The same as documents."""
    return documents(helm_template(*files, values=values, **options))


def kustomize(folder: Path) -> list[Document]:
    """What `kustomize build` makes of a folder."""
    return documents(run([go_tool("kustomize"), "build", folder]))


def only(rendered: Sequence[Document], kind: str, name: str | None = None) -> Document:
    """The one document of a kind, and of a name if one is given."""
    found = [
        document
        for document in rendered
        if document["kind"] == kind and name in (None, document["metadata"]["name"])
    ]
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
    return found[0]


def judged(text: str, kubernetes: str = NEWEST) -> str:
    """Hold manifests against the schemas of a version; raises `RenderError` with what is wrong."""
    file = "{{.ResourceKind}}{{.KindSuffix}}.json"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as manifests:
        manifests.write(text)
        manifests.flush()
        return run(
            [
                *(go_tool("kubeconform"), "-strict", "-summary", "-kubernetes-version", kubernetes),
                *("-schema-location", f"{SCHEMAS}/{{{{.NormalizedKubernetesVersion}}}}/{file}"),
                *("-schema-location", f"{SCHEMAS}/operator/{file}", manifests.name),
            ]
        )
