"""Keys from the environment: every one, in the forms of the file; and what is wrong with a variable."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cqlproxy.config import Config, ConfigError, load_config
from cqlproxy.config.environment import read_value
from cqlproxy.config.keys import Key, keys

BOTH = "primary: {contact_points: [db1]}\nshadow: {contact_points: [db2]}\nmode: dual_write_async\n"

# A value for each key that is not the default, as one would write it in a variable.
OTHER = {
    "host": "10.1.2.3",
    "port": "19042",
    "advertised_address": "2001:db8::1",
    "allowed_networks": "10.0.0.0/8, 2001:db8::/32",
    "contact_points": "10.0.0.1,::1",
    "local_datacenter": "1",
    "username": "007",
    "endpoint": "https://collector.example:4318/v1/traces",
    "ratio": "0.5",
    "password": "0123456789012345",
    "password_file": "secrets/1",
    "auth": "client",
    "mode": "SourceOnly",
    "overflow": "block",
    "consistency": "LOCAL_ONE",
    "journal": "off",
    "journal_full": "block",
    "sync_on_shadow_failure": "queue",
    "level": "debug",
    "format": "json",
    "token": "0123456789012345",
}
# Those that another key forbids, or asks for.
BESIDE = {
    "primary.auth": None,
    "primary.username": {"CQLPROXY_PRIMARY__PASSWORD": "x"},
    "shadow.username": {"CQLPROXY_SHADOW__PASSWORD": "x"},
    "primary.password": {"CQLPROXY_PRIMARY__USERNAME": "x"},
    "shadow.password": {"CQLPROXY_SHADOW__USERNAME": "x"},
    "primary.password_file": {"CQLPROXY_PRIMARY__USERNAME": "x"},
    "shadow.password_file": {"CQLPROXY_SHADOW__USERNAME": "x"},
    "admin.host": {"CQLPROXY_ADMIN__TOKEN": "0123456789012345"},
    **{
        f"{section}.tls.{one}": {f"CQLPROXY_{section}__TLS__{other}".upper(): "x"}
        for section in ("listen", "primary", "shadow", "admin")
        for one, other in (("cert_file", "key_file"), ("key_file", "cert_file"))
    },
    "listen.tls.client_ca_file": {
        "CQLPROXY_LISTEN__TLS__CERT_FILE": "x",
        "CQLPROXY_LISTEN__TLS__KEY_FILE": "x",
    },
}


def other(key: Key) -> str:
    assert key.kind is not None
    schema = key.kind.schema
    if key.name in OTHER:
        return OTHER[key.name]
    if schema.get("type") == "boolean":
        return str(not key.field.default).lower()
    if key.name.endswith(("_file", "_path")):
        return f"elsewhere/{key.name}"
    if "anyOf" in schema:
        return "3MiB"
    return "7"


def load(folder: Path, text: str, **variables: str) -> Config:
    path = folder / "proxy.yaml"
    path.write_text(text)
    return load_config(path, variables)


def value(config: object, path: str) -> object:
    for name in path.split("."):
        config = getattr(config, name)
    return config


VALUES = [key for key in keys().values() if key.kind is not None and BESIDE.get(key.path, {}) is not None]


@pytest.mark.parametrize("key", VALUES, ids=lambda key: key.path)
def test_every_key_can_be_set(tmp_path: Path, key: Key) -> None:
    text = other(key)
    config = load(tmp_path, BOTH, **{key.variable: text}, **BESIDE.get(key.path) or {})
    # As from the file, where a list is written as one.
    document: dict[str, object] = yaml.safe_load(BOTH)
    for path, written in {
        **{beside.path: "x" for beside in keys().values() if beside.variable in (BESIDE.get(key.path) or ())},
        "admin.token": "0123456789012345" if key.path in ("admin.host", "admin.token") else None,
        key.path: text.replace(" ", "").split(",")
        if key.kind and key.kind.is_list
        else read_value(key, text),
    }.items():
        if written is not None:
            *sections, name = path.split(".")
            inner = document
            for section in sections:
                below = inner.setdefault(section, {})
                assert isinstance(below, dict)
                inner = below
            inner[name] = written
    by_file = load(tmp_path, yaml.safe_dump(document))
    assert config == by_file
    assert value(config, key.path) != key.field.default


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        "",
        CQLPROXY_PRIMARY__CONTACT_POINTS="[db1, db2]",
        CQLPROXY_SHADOW__CONTACT_POINTS="db3",
        CQLPROXY_SHADOW__TLS="{}",
        CQLPROXY_MODE="dual_write_async",
    )
    assert config.primary.contact_points == ("db1", "db2")
    assert config.shadow is not None
    assert config.shadow.tls is not None


def test_what_is_in_a_section_counts_more_than_the_section(tmp_path: Path) -> None:
    config = load(
        tmp_path, BOTH, CQLPROXY_MIRROR__MAX_REQUESTS="9", CQLPROXY_MIRROR="{max_requests: 8, replay_rate: 5}"
    )
    assert (config.mirror.max_requests, config.mirror.replay_rate) == (9, 5)


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("CQLPROXY_PRIMARY__PORT", "x",
         "CQLPROXY_PRIMARY__PORT: primary.port: must be a whole number from 1 to 65535, not 'x'"),
        ("CQLPROXY_PRIMARY__CONTACT_POINTS", "db1,",
         "CQLPROXY_PRIMARY__CONTACT_POINTS: primary.contact_points[1]: must be a host name, an IPv4 or an"
         " IPv6 address, not ''"),
        ("CQLPROXY_PRIMARY__CONTACT_POINTS", "[db1",
         "CQLPROXY_PRIMARY__CONTACT_POINTS: primary.contact_points: must be a list of hosts, such as"
         " [127.0.0.1], not '[db1'"),
        ("CQLPROXY_MODE", "none", "CQLPROXY_MODE: mode: 'none' is not a mode (one of "),
        ("CQLPROXY_LOG", "loud", "CQLPROXY_LOG: log: must be a mapping of keys, not 'loud'"),
        ("CQLPROXY_MIRROR__MAX_REQESTS", "1",
         "CQLPROXY_MIRROR__MAX_REQESTS: is not a known key, did you mean max_requests? (accepted here: "),
        ("CQLPROXY_PRIMRY__PORT", "1", "CQLPROXY_PRIMRY__PORT: is not a known key, did you mean primary? ("),
        ("CQLPROXY_LISTEN__TLS__KEYFILE", "1",
         "CQLPROXY_LISTEN__TLS__KEYFILE: is not a known key, did you mean key_file? (accepted here: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_variable(tmp_path: Path, variable: str, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, BOTH, **{variable: text})
    (shown,) = raised.value.lines
    assert shown.startswith(line)


def test_what_is_not_the_configurations_is_left_alone(tmp_path: Path) -> None:
    plain = load(tmp_path, BOTH)
    others = {
        "CQLPROXY_URL": "http://a",
        "CQLPROXY_ADMIN_TOKEN": "x",
        "CQLPROXY_PORT_9042_TCP_ADDR": "10.0.0.1",
        "OTHER__PRIMARY__PORT": "x",
    }
    assert load(tmp_path, BOTH, **others) == plain


def test_no_problem_shows_a_secret_of_the_environment(tmp_path: Path) -> None:
    for variable in ("CQLPROXY_PRIMARY__PASSWORD", "CQLPROXY_ADMIN__TOKEN", "CQLPROXY_PRIMARY__PASWORD"):
        with pytest.raises(ConfigError) as raised:
            load(tmp_path, BOTH, **{variable: "s3cret s3cret s3cret"})
        assert "s3cret" not in "\n".join(raised.value.lines)
