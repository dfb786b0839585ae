"""The Dockerfile and docker-compose.yml: linted, held against the schema, and true of this checkout."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from bootstrap.environments import CHECKOUT, tool
from cqlproxy import __version__
from cqlproxy.cli.reference import commands
from cqlproxy.config import load_config
from filters import load_rules
from tests.pods.dockerfile import Dockerfile
from tests.pods.rendering import CHART, chart, only
from tests.pods.vendored import SCHEMAS

DOCKERFILE = CHECKOUT / "Dockerfile"
COMPOSE = CHECKOUT / "docker-compose.yml"


@pytest.fixture(scope="module")
def image() -> Dockerfile:
    return Dockerfile(DOCKERFILE)


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, dict[str, object]]]:
    parsed: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(COMPOSE.read_text())
    return parsed


def test_hadolint_finds_nothing() -> None:
    command: list[str | Path] = [tool("hadolint", "hadolint"), "--failure-threshold", "style", DOCKERFILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_what_is_copied_is_there_and_not_ignored(image: Dockerfile) -> None:
    assert image.copied
    for path in image.copied:
        assert (CHECKOUT / path).exists(), path
        assert image.is_sent(path), f"{path} is kept from the engine by .dockerignore"
    assert not image.is_sent("tests")
    assert not image.is_sent("docker/admin-token")
    assert not image.is_sent("bootstrap/locks/project.txt")


def test_it_runs_as_nobody_in_particular(image: Dockerfile) -> None:
    user = image.last("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    pod = only(chart(), "StatefulSet")["spec"]["template"]["spec"]["securityContext"]
    assert user == f"{pod['runAsUser']}:{pod['runAsGroup']}"
    assert image.last("STOPSIGNAL") == "SIGTERM"


def test_its_commands_are_those_of_the_program_and_of_the_chart(image: Dockerfile) -> None:
    assert image.last("ENTRYPOINT") == '["cqlproxy"]'
    container = only(chart(), "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    assert json.loads(image.last("CMD")) == container["args"]
    assert "command" not in container
    known = {path for path, _ in commands()}
    checked = json.loads(image.last("HEALTHCHECK").partition("CMD ")[2])
    assert checked[0] == "cqlproxy"
    assert f"cqlproxy {checked[1]}" in known
    assert checked[2:] == container["args"][1:]


def test_versions_are_the_programs(image: Dockerfile) -> None:
    assert f"VERSION={__version__}" in image.text
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert described["appVersion"] == __version__
    assert f"cqlproxy:{__version__}" in COMPOSE.read_text()


def test_compose_is_what_its_schema_says(compose: object) -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
    jsonschema.validate(compose, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"proxy": {"imagine": "cqlproxy"}}}, schema)


def test_what_compose_mounts_is_there(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    mounted = [
        str(volume).split(":")
        for service in compose["services"].values()
        for volume in _list(service.get("volumes", []))
    ]
    for source, target, *_ in mounted:
        assert target.startswith("/")
        if source.startswith("."):
            assert (CHECKOUT / source).exists(), source
        else:
            assert source in compose["volumes"]
    assert len(mounted) > 6


def test_compose_gives_the_proxy_what_its_configuration_names(
    compose: dict[str, dict[str, dict[str, object]]], tmp_path: Path
) -> None:
    config = load_config(CHECKOUT / "docker" / "proxy.yaml")
    load_rules(CHECKOUT / "docker" / "rules" / "rules.yaml", loaded_at=0)
    proxy = compose["services"]["proxy"]
    assert proxy["secrets"] == ["admin-token"]
    assert config.admin.token_file == Path("/run/secrets/admin-token")
    targets = {str(volume).split(":")[1]: str(volume).split(":")[0] for volume in _list(proxy["volumes"])}
    assert targets["/etc/cqlproxy/config/proxy.yaml"] == "./docker/proxy.yaml"
    assert config.filters is not None
    assert str(config.filters.rules_file.parent) in targets
    for file in (config.state_file, config.mirror.journal_path):
        assert str(file.parent) in targets
    assert set(_list(proxy["ports"])) == {
        f"127.0.0.1:{port}:{port}" for port in (config.listen.port, config.admin.port)
    }
    clusters = {*config.primary.contact_points, *(config.shadow.contact_points if config.shadow else ())}
    assert clusters == {"primary", "shadow"}
    assert clusters <= compose["services"].keys()
    grace = int(str(proxy["stop_grace_period"]).removesuffix("s"))
    assert grace > config.request_timeout_ms / 1000 + config.shutdown_drain_seconds + 10
    assert proxy["read_only"] is True
    assert proxy["cap_drop"] == ["ALL"]


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value
