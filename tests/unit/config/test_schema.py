"""The JSON Schema, the reference page and the sample hold what the model holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cqlproxy.config import ConfigError, load_config
from cqlproxy.config.keys import CHANGEABLE, keys
from cqlproxy.config.reference import reference
from cqlproxy.config.schema import schema

ROOT = Path(__file__).parents[3]
SAMPLE = (ROOT / "config" / "proxy.yaml").read_text(encoding="utf-8")
MINIMAL = "primary: {contact_points: [db1]}\nmode: primary_only\n"
VALIDATOR = Draft202012Validator(schema())


def entry(path: str) -> dict[str, object]:
    found: object = schema()
    for name in path.split("."):
        assert isinstance(found, dict)
        found = found["properties"][name]
    assert isinstance(found, dict)
    return found


def test_it_is_a_valid_schema_that_the_sample_satisfies() -> None:
    Draft202012Validator.check_schema(schema())
    document = yaml.safe_load(SAMPLE)
    assert document
    VALIDATOR.validate(document)


@pytest.mark.parametrize("path", keys())
def test_each_key_is_described_and_shown_in_the_sample(path: str) -> None:
    description = entry(path)["description"]
    assert isinstance(description, str)
    assert len(description) > 10
    assert ("Can be changed while the proxy runs." in description) == (path in CHANGEABLE)
    assert keys()[path].name + ":" in SAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "mirror: {max_bytes: 64MiB, journal: off, consistency: LOCAL_ONE}",
        "mirror: {max_bytes: 1.5 GB}\nlisten: {allowed_networks: [10.0.0.0/8]}",
        "listen: {tls: {cert_file: a, key_file: b}}",
        "listen: {port: '9042'}",
        "listen: {prot: 9042}",
        "listen: {tls: {cert_file: a}}",
        "mirror: {max_bytes: 64M}",
        "mirror: {journal: true}",
        "mirror: {replay_rate: 0}",
        "validation_percentage: 101",
        "log: loud",
        "filters:",
        "listen: {allowed_networks: []}",
        "admin: {token: short}",
    ],
)
def test_it_accepts_and_refuses_what_the_program_does(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text(MINIMAL + text)
    try:
        load_config(path, {})
    except ConfigError:
        accepted = False
    else:
        accepted = True
    assert VALIDATOR.is_valid(yaml.safe_load(path.read_text())) == accepted


def test_what_is_required() -> None:
    assert [error.message for error in VALIDATOR.iter_errors({})] == [
        "'primary' is a required property",
        "'mode' is a required property",
    ]


def test_the_reference_page_is_that_of_the_model() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m cqlproxy.config.reference > docs/configuration.md"
    for key in keys().values():
        assert key.kind is None or f"`{key.variable}`" in page


def test_what_can_be_changed_are_keys_with_a_value() -> None:
    assert all(keys()[path].kind is not None for path in CHANGEABLE)
