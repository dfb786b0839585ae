"""Good configurations, and the line that each kind of bad one is answered with."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cqlproxy.config import ClusterAddress, Config, ConfigError, Filters, Listen, doubts, load_config
from cqlproxy.modes import Mode

SAMPLE = Path(__file__).parents[3] / "config" / "proxy.yaml"

MINIMAL = """
primary: {contact_points: [db1]}
mode: primary_only
"""

DUAL = """
primary: {contact_points: [db1]}
shadow: {contact_points: [db2]}
mode: dual_write_async
"""

HOST = "must be a host name, an IPv4 or an IPv6 address"
PORT = "must be a whole number from 1 to 65535"
MODES = "primary_only, dual_write_async"
UNSPECIFIED = "stands for every address of a machine: nothing can connect to it"


def load(folder: Path, text: str) -> Config:
    path = folder / "proxy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_the_least_that_is_needed_and_its_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    assert config.primary.contact_points == ("db1",)
    assert (config.primary.port, config.primary.local_datacenter) == (9042, None)
    assert (config.listen.host, config.listen.port) == ("127.0.0.1", 9042)
    assert config.listen.advertised_address is None
    assert config.listen.max_frame_bytes == 256 * 2**20
    assert (config.mode, config.shadow, config.filters) == (Mode.PRIMARY_ONLY, None, None)
    assert (config.mirror.max_requests, config.mirror.max_bytes) == (50_000, 64 * 2**20)
    assert config.mirror.shadow_timeout_ms == 2000
    assert (config.mirror.pin_timestamps, config.mirror.schema_changes) == (True, True)
    assert (config.admin.host, config.admin.port) == ("127.0.0.1", 8080)
    assert (config.log.level, config.log.format) == ("info", "text")
    assert (config.request_timeout_ms, config.connect_timeout) == (12_000, 60.0)


def test_the_sample_shows_every_key_with_its_default() -> None:
    config = load_config(SAMPLE)
    assert doubts(config) == []
    assert config.mode is Mode.DUAL_WRITE_ASYNC
    written = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    assert written.keys() == Config.model_fields.keys()
    # The one key without a default to show stands in a comment.
    assert "# advertised_address: " in SAMPLE.read_text(encoding="utf-8")
    for section in ("listen", "primary", "shadow", "mirror", "filters", "admin", "log"):
        assert written[section].keys() | {"advertised_address"} == (
            type(getattr(config, section)).model_fields.keys() | {"advertised_address"}
        )
    defaults = Config(primary=config.primary, mode=Mode.PRIMARY_ONLY)
    for key in ("listen", "mirror", "admin", "log", "request_timeout_ms", "connect_timeout"):
        assert getattr(config, key) == getattr(defaults, key)


def test_every_key_can_be_set(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        listen: {host: "::", port: 19042, advertised_address: "2001:db8::1", max_frame_bytes: 16MiB}
        primary: {contact_points: [db1, 10.0.0.1, "2001:db8::7"], port: 9142, local_datacenter: dc1}
        shadow: {contact_points: [db9], port: 9242}
        mode: DualAsync
        mirror:
          {max_requests: 10, max_bytes: 10MB, shadow_timeout_ms: 5, pin_timestamps: false, schema_changes: no}
        filters: {rules_file: rules/all.yaml}
        admin: {host: 0.0.0.0, port: 18080}
        log: {level: debug, format: json}
        request_timeout_ms: 500
        connect_timeout: 1.5
        """,
    )
    assert config.listen.advertised_address == IPv6Address("2001:db8::1")
    assert (config.listen.host, config.listen.port, config.listen.max_frame_bytes) == (
        "::",
        19042,
        16 * 2**20,
    )
    assert config.primary.contact_points == ("db1", "10.0.0.1", "2001:db8::7")
    assert (config.primary.port, config.primary.local_datacenter) == (9142, "dc1")
    assert config.shadow is not None
    assert config.shadow.port == 9242
    assert config.mode is Mode.DUAL_WRITE_ASYNC
    assert (config.mirror.max_requests, config.mirror.max_bytes) == (10, 10_000_000)
    assert (config.mirror.shadow_timeout_ms, config.mirror.pin_timestamps) == (5, False)
    assert not config.mirror.schema_changes
    assert (config.admin.host, config.admin.port) == ("0.0.0.0", 18080)
    assert (config.log.level, config.log.format) == ("debug", "json")
    assert (config.request_timeout_ms, config.connect_timeout) == (500, 1.5)


def test_the_rules_file_is_looked_for_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "proxy.yaml").write_text(MINIMAL + "filters: {rules_file: rules.yaml}")
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("etc/proxy.yaml"))
    assert config.filters is not None
    assert config.filters.rules_file == folder / "rules.yaml"
    absolute = load(tmp_path, MINIMAL + "filters: {rules_file: /etc/rules.yaml}")
    assert absolute.filters is not None
    assert absolute.filters.rules_file == Path("/etc/rules.yaml")


def test_sections_can_be_made_in_python_as_well() -> None:
    config = Config(
        listen=Listen(port=1, advertised_address=IPv6Address("::1")),
        primary=ClusterAddress(contact_points=("db1",)),
        mode=Mode.PRIMARY_ONLY,
        filters=Filters(rules_file=Path("/a/rules.yaml")),
    )
    assert config.filters == Filters(rules_file=Path("/a/rules.yaml"))
    assert (config.listen.advertised_address, config.primary.port) == (IPv6Address("::1"), 9042)


def test_a_configuration_cannot_be_changed(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        config.listen.port = 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # Missing.
        ("", ["primary: is required (a mapping with at least contact_points)",
              "mode: is required (one of primary_only, dual_write_async)"]),
        ("primary: {port: 1}\nmode: primary_only",
         ["primary.contact_points: is required (a list of hosts, such as [127.0.0.1])"]),
        ("primary: {contact_points: []}\nmode: primary_only",
         ["primary.contact_points: must name at least one host, such as [127.0.0.1]"]),
        ("primary: {contact_points: [a]}\nmode: dual_write_async",
         ["shadow: is required in mode dual_write_async (a mapping with at least contact_points)"]),
        ("primary: {contact_points: [a], port: x}\nmode: DualAsync",
         [f"primary.port: {PORT}, not 'x'",
          "shadow: is required in mode dual_write_async (a mapping with at least contact_points)"]),
        (MINIMAL + "filters: {}", ["filters.rules_file: is required (the path of a file)"]),
        # Blank.
        ("primary:\nmode: primary_only", ["primary: must be a mapping of keys, not empty"]),
        (MINIMAL + "filters:", ["filters: must be a mapping of keys, not empty"]),
        (MINIMAL + "shadow:", ["shadow: must be a mapping of keys, not empty"]),
        (MINIMAL + "filters: {rules_file: }", ["filters.rules_file: must be the path of a file, not empty"]),
        (MINIMAL + "filters: {rules_file: ' '}", ["filters.rules_file: must be the path of a file, not ' '"]),
        (MINIMAL + "listen: {host: }",
         [f"listen.host: {HOST}, not empty"]),
        ("primary: {contact_points: [db1]}\nmode:", [f"mode: must be one of {MODES}, not empty"]),
        # Unknown keys.
        (MINIMAL + "listen: {prot: 1}",
         ["listen.prot: is not a known key, did you mean port?"
          " (accepted here: host, port, advertised_address, max_frame_bytes)"]),
        (MINIMAL + "log: {colour: red}", ["log.colour: is not a known key (accepted here: level, format)"]),
        (MINIMAL + "request-timeout-ms: 1",
         ["request-timeout-ms: is not a known key, did you mean request_timeout_ms? "
          "(accepted here: listen, primary, shadow, mode, mirror, filters, admin, log,"
          " request_timeout_ms, connect_timeout)"]),
        # Wrong types.
        (MINIMAL + "listen: 9042", ["listen: must be a mapping of keys, not 9042"]),
        (MINIMAL + "listen: [a]", ["listen: must be a mapping of keys, not a list"]),
        (MINIMAL + "listen: {port: '9042'}", [f"listen.port: {PORT}, not '9042'"]),
        (MINIMAL + "listen: {port: true}", [f"listen.port: {PORT}, not true"]),
        (MINIMAL + "listen: {port: 1.5}", [f"listen.port: {PORT}, not 1.5"]),
        (MINIMAL + "listen: {host: 1}",
         [f"listen.host: {HOST}, not 1"]),
        ("primary: {contact_points: db1}\nmode: primary_only",
         ["primary.contact_points: must be a list of hosts, such as [127.0.0.1], not 'db1'"]),
        ("primary: {contact_points: [db1, 7]}\nmode: primary_only",
         [f"primary.contact_points[1]: {HOST}, not 7"]),
        ("primary: {contact_points: [db1], local_datacenter: 1}\nmode: primary_only",
         ["primary.local_datacenter: must be the name of a datacenter,"
          " as `nodetool status` shows it, not 1"]),
        (MINIMAL + "mirror: {pin_timestamps: 1}", ["mirror.pin_timestamps: must be true or false, not 1"]),
        (MINIMAL + "mirror: {max_bytes: 1.5}", ["mirror.max_bytes: must be a size such as 64MiB, not 1.5"]),
        (MINIMAL + "connect_timeout: 60s",
         ["connect_timeout: must be a number of seconds from 0.1 to 86400, not '60s'"]),
        ("primary: {contact_points: [db1]}\nmode: 3", [f"mode: must be one of {MODES}, not 3"]),
        # Wrong values.
        (MINIMAL + "listen: {port: 0}", [f"listen.port: {PORT}, not 0"]),
        (MINIMAL + "listen: {port: 65536}", [f"listen.port: {PORT}, not 65536"]),
        (MINIMAL + "listen: {advertised_address: db1}",
         ["listen.advertised_address: must be an IPv4 or IPv6 address, not 'db1'"]),
        (MINIMAL + "listen: {advertised_address: 0.0.0.0}",
         [f"listen.advertised_address: '0.0.0.0' {UNSPECIFIED}"]),
        (MINIMAL + "listen: {max_frame_bytes: 1GiB}",
         ["listen.max_frame_bytes: must be from 4096 to 268435456 bytes, not '1GiB'"]),
        (MINIMAL + "mirror: {max_bytes: 64M}",
         ["mirror.max_bytes: '64M' is not a size"
          " (a whole number of bytes, or with kB, MB, GB, KiB, MiB, GiB)"]),
        (MINIMAL + "mirror: {max_requests: 0}",
         ["mirror.max_requests: must be a whole number from 1 to 100000000, not 0"]),
        (MINIMAL + "mirror: {shadow_timeout_ms: -1}",
         ["mirror.shadow_timeout_ms: must be a whole number of milliseconds from 1 to 3600000, not -1"]),
        (MINIMAL + "connect_timeout: .nan",
         ["connect_timeout: must be a number of seconds from 0.1 to 86400, not nan"]),
        (MINIMAL + "log: {level: verbose}",
         ["log.level: must be one of debug, info, warning, error, not 'verbose'"]),
        (MINIMAL + "log: {level: off}", ["log.level: must be one of debug, info, warning, error, not false"]),
        ("primary: {contact_points: [\"::\"]}\nmode: primary_only",
         [f"primary.contact_points[0]: '::' {UNSPECIFIED}"]),
        ("primary: {contact_points: [10.0.0.300, 'db1:9042']}\nmode: primary_only",
         ["primary.contact_points[0]: '10.0.0.300' is not a host (a host name, an IPv4 or an IPv6 address)",
          "primary.contact_points[1]: 'db1:9042': a port does not belong here, but in the key `port`"]),
        ("primary: {contact_points: [db1]}\nmode: primaryonly",
         [f"mode: 'primaryonly' is not a mode; did you mean primary_only? (one of {MODES})"]),
        # Contradictions.
        (MINIMAL + "admin: {port: 9042}", ["admin.port: 9042 is taken by listen.port on the same host"]),
        ("primary: {contact_points: [a, b]}\nshadow: {contact_points: [c, b]}\nmode: DualAsync",
         ["shadow.contact_points: b:9042 is in the primary as well: two clusters are needed"]),
    ],
)  # fmt: skip
def test_bad_configuration(tmp_path: Path, text: str, lines: list[str]) -> None:
    assert problems(tmp_path, text) == lines


@pytest.mark.parametrize("spelling", ["dual_write_sync", "DualSync", "shadow_primary", "TargetOnly"])
def test_a_mode_of_later_versions_is_refused_with_what_is_available(tmp_path: Path, spelling: str) -> None:
    (line,) = problems(tmp_path, f"primary: {{contact_points: [db1]}}\nmode: {spelling}")
    assert line.startswith("mode: ")
    assert "is not available in this version, must be one of primary_only, dual_write_async" in line


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "primary: {contact_points: [], port: a}\nmode: none\nlisten: {hots: b}\nadmin: {port: 0}\nxyz: 1",
    )
    paths = [line.split(":")[0] for line in found]
    assert sorted(paths) == [
        "admin.port",
        "listen.hots",
        "mode",
        "primary.contact_points",
        "primary.port",
        "xyz",
    ]


def test_the_shadow_may_share_hosts_with_the_primary_on_another_port(tmp_path: Path) -> None:
    config = load(tmp_path, DUAL.replace("[db2]", "[db1], port: 9043"))
    assert config.shadow is not None
    assert config.shadow.contact_points == config.primary.contact_points


def test_a_proxy_that_may_be_its_own_client_is_doubted_not_refused(tmp_path: Path) -> None:
    config = load(tmp_path, DUAL.replace("[db2]", "[db2, 127.0.0.1]"))
    assert doubts(config) == [
        "shadow: 127.0.0.1:9042 is also where the proxy listens: it would be its own client"
    ]
    assert doubts(load(tmp_path, DUAL)) == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["db1", "::1", "64MiB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from([*Config.model_fields, "host", "port", "contact_points", "rules_file", "other"])
DOCUMENTS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES, max_size=4), max_size=10)


@given(DOCUMENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_document_is_a_configuration_or_lines_that_begin_with_a_key(
    tmp_path: Path, document: dict[str, object]
) -> None:
    lines = ["mode: fine"]
    try:
        load(tmp_path, yaml.safe_dump(document, allow_unicode=True))
    except ConfigError as error:
        lines = error.problems
    assert lines
    for line in lines:
        assert re.split(r"[:.\[]", line)[0] in document.keys() | Config.model_fields.keys()
        assert len(line.splitlines()) == 1
