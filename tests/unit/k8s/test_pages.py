"""What the pages on deployment and operations say is so: Helm's commands, metrics, lines of the log, sums."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from bootstrap.environments import CHECKOUT
from bootstrap.go_tools import go_tool
from cqlproxy.exposition.families import FAMILIES
from tests.pods.rendering import NEWEST, documents, only, run

DEPLOYMENT = CHECKOUT / "docs" / "deployment.md"
OPERATIONS = CHECKOUT / "docs" / "operations.md"
PAGES = [DEPLOYMENT, OPERATIONS, CHECKOUT / "k8s" / "cqlproxy" / "README.md"]
SOURCES = "\n".join(path.read_text() for path in (CHECKOUT / "cqlproxy").rglob("*.py"))


def blocks(page: Path, language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    return found


HELM = sorted(
    {
        line
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.splitlines()
        if line[:5] == "helm "
    }
    | set(re.findall(r"`(helm (?:install|template) [^`]+)`", DEPLOYMENT.read_text()))
)


@pytest.mark.parametrize("line", HELM)
def test_helm_does_what_a_page_asks_of_it(line: str, tmp_path: Path) -> None:
    (own,) = [block for block in blocks(DEPLOYMENT, "yaml") if block.startswith("# my-values.yaml")]
    (tmp_path / "my-values.yaml").write_text(own)
    words = shlex.split(line)
    assert words[1] in ("install", "template")
    words[1] = "template"
    given = [str(tmp_path / word) if word == "my-values.yaml" else word for word in words[2:]]
    given = [str(CHECKOUT / word) if word.startswith("k8s/") else word for word in given]
    rendered = documents(run([go_tool("helm"), "template", *given, "--kube-version", NEWEST]))
    # The pod that the pages ask.
    workload = only(rendered, "StatefulSet")["metadata"]["name"]
    assert f"kubectl exec {workload}-0 -- cqlproxy" in OPERATIONS.read_text()
    configuration = yaml.safe_load(only(rendered, "ConfigMap", workload)["data"]["proxy.yaml"])
    assert configuration["primary"]["contact_points"] == ["10.0.1.10", "10.0.1.11"]


def test_there_are_commands_of_helm() -> None:
    assert len(HELM) >= 3


def test_the_application_of_the_readme_is_the_example() -> None:
    (chart, values, adapter) = map(yaml.safe_load, blocks(PAGES[2], "yaml"))
    example = CHECKOUT / "k8s" / "examples" / "shop"
    assert chart["dependencies"] == yaml.safe_load((example / "Chart.yaml").read_text())["dependencies"]
    assert (
        values["cqlproxy"].keys() == yaml.safe_load((example / "values.yaml").read_text())["cqlproxy"].keys()
    )
    metric = yaml.safe_load((CHECKOUT / "k8s" / "cqlproxy" / "values.yaml").read_text())["autoscaling"]
    assert adapter[0]["name"]["as"] == metric["queueDepthMetric"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_metrics_that_a_page_names_are_there(page: Path) -> None:
    known = {family.name for family in FAMILIES}
    named = set(re.findall(r"\b(?:proxy|process)_[a-z_]+[a-z]", page.read_text()))
    assert named - known == set()


def test_the_log_says_what_the_page_quotes() -> None:
    _, _, end = OPERATIONS.read_text().partition("## Lines of the log")
    start = OPERATIONS.read_text().partition("## Start")[2].partition("## Look")[0]
    quoted = [line for text in (start, end) for line in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)]
    assert len(quoted) > 10
    assert [line for line in quoted if line not in SOURCES] == []


def test_the_sums_are_right() -> None:
    text = DEPLOYMENT.read_text()
    rows = re.findall(r"^\| .+ \| ([\d,]+) \| ([\d.]+) us \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(rows) > 6
    for rate, cost, cores in rows:
        assert float(rate.replace(",", "")) * float(cost) / 1e6 == pytest.approx(float(cores), abs=0.006)
    measured = (CHECKOUT / "benchmarks" / "RESULTS.md").read_text()
    assert "## The measurements" in measured
    products = re.findall(r"([\d,]+) x ([\d.]+) us = ([\d.]+) cores", text)
    assert len(products) == 3
    for rate, cost, cores in products:
        assert float(rate.replace(",", "")) * float(cost) / 1e6 == pytest.approx(float(cores), abs=0.006)


def test_nothing_is_left_behind_by_the_tests() -> None:
    """`helm dependency build` is run on a copy."""
    assert not (CHECKOUT / "k8s" / "examples" / "shop" / "charts").exists()
