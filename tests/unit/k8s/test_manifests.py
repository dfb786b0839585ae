"""The manifests for those without Helm: the same container as in the chart, and what Kubernetes knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cqlproxy.config import load_config
from cqlproxy.config.schema import schema
from k8s import values_schema
from tests.pods.containers import files_of, proxy_container
from tests.pods.example import shop_chart
from tests.pods.rendering import K8S, Document, chart, documents, judged, kustomize, only
from tests.pods.vendored import KUBERNETES

EXAMPLE = K8S / "kustomize" / "example"
PLAIN = K8S / "sidecar.yaml"


def of_chart() -> Document:
    """The pod that the example's chart makes, its files named as in the plain manifests."""
    rendered = chart(chart=shop_chart(), release="shop")
    text = yaml.safe_dump(only(rendered, "Deployment")["spec"]["template"]["spec"])
    pod: Document = yaml.safe_load(text.replace("shop-cqlproxy", "cqlproxy"))
    return pod


def of(rendered: list[Document]) -> Document:
    """The pod of the application, its ConfigMap named without the hash of its content."""
    pod: Document = only(rendered, "Deployment")["spec"]["template"]["spec"]
    for volume in pod["volumes"]:
        if volume["name"] == "cqlproxy-config":
            volume["configMap"]["name"] = volume["configMap"]["name"].partition("-")[0]
    return pod


RENDERED: dict[str, Callable[[], list[Document]]] = {
    "kustomize": lambda: kustomize(EXAMPLE),
    "plain": lambda: documents(PLAIN.read_text()),
}


@pytest.mark.parametrize("kind", RENDERED)
def test_the_container_is_that_of_the_chart(kind: str) -> None:
    pod, expected = of(RENDERED[kind]()), of_chart()
    assert proxy_container(pod) == proxy_container(expected)
    assert [container["name"] for container in pod["initContainers"]] == ["cqlproxy"]
    assert sorted(pod["volumes"], key=_name) == sorted(expected["volumes"], key=_name)
    assert pod["terminationGracePeriodSeconds"] >= 57 + 30


def _name(volume: Document) -> str:
    name: str = volume["name"]
    return name


def test_its_configuration_is_that_of_the_chart(tmp_path: Path) -> None:
    def configuration(rendered: list[Document]) -> object:
        text = next(d["data"]["proxy.yaml"] for d in rendered if "proxy.yaml" in (d.get("data") or {}))
        file = tmp_path / "proxy.yaml"
        file.write_text(text)
        load_config(file)
        return yaml.safe_load(text)

    expected = configuration(chart(chart=shop_chart(), release="shop"))
    assert configuration(kustomize(EXAMPLE)) == expected
    assert configuration(documents(PLAIN.read_text())) == expected


def test_a_changed_configuration_replaces_pods_under_kustomize() -> None:
    rendered = kustomize(EXAMPLE)
    pod = only(rendered, "Deployment")["spec"]["template"]["spec"]
    given = files_of(rendered, pod, secrets=lambda name, key: "token")
    assert set(given) == {
        "/etc/cqlproxy/config/proxy.yaml",
        "/etc/cqlproxy/rules/rules.yaml",
        "/etc/cqlproxy/admin/token",
    }
    names = {d["metadata"]["name"] for d in rendered if d["kind"] == "ConfigMap"}
    assert "cqlproxy-rules" in names
    assert "cqlproxy" not in names


@pytest.mark.parametrize("kubernetes", [version.removeprefix("v") for version in KUBERNETES])
def test_kubernetes_knows_all_of_it(kubernetes: str) -> None:
    text = PLAIN.read_text() + "---\n" + yaml.safe_dump_all(kustomize(EXAMPLE))
    assert "Invalid: 0, Errors: 0, Skipped: 0" in judged(text, kubernetes)


def test_the_schema_of_the_values_is_that_of_the_program() -> None:
    written = yaml.safe_load(values_schema.FILE.read_text())
    assert written == values_schema.whole(), "it is old: make docs"
    refused = values_schema.OF_THE_CHART
    assert {"primary.password", "shadow.password", "admin.token"} <= refused
    assert refused <= _paths(schema(), "")


def _paths(section: object, above: str) -> set[str]:
    assert isinstance(section, dict)
    found: set[str] = set()
    for name, inner in section.get("properties", {}).items():
        found |= {above + name} | _paths(inner, f"{above}{name}.")
    return found
