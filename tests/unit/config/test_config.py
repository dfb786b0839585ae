"""Good configurations, and the line that each kind of bad one is answered with."""

from __future__ import annotations

import re
import sys
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cqlproxy.config import (
    ClusterAddress,
    Config,
    ConfigError,
    Filters,
    Listen,
    Tracing,
    load_config,
)
from cqlproxy.config.clashes import doubts
from cqlproxy.config.tls import ClusterTls, ListenTls, ServerTls
from cqlproxy.mirror.circuit import OPEN_SECONDS
from cqlproxy.modes import Mode
from frame_codec import ConsistencyLevel

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
MODES = ", ".join(Mode)
LEVELS = "ANY, ONE, TWO, THREE, QUORUM, ALL, LOCAL_QUORUM, EACH_QUORUM, LOCAL_ONE"
TOKEN = "0123456789abcdef"
BAD_TOKEN = (
    "must be 16 to 1024 letters, digits and punctuation marks without spaces,"
    " such as `openssl rand -hex 32` prints"
)
NO_TOKEN = (
    "and there is no token, so whoever does could switch modes and read dead letters: set admin.token_file"
    " (or admin.token), or use 127.0.0.1"
)
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
    assert config.mirror.circuit_open_seconds == OPEN_SECONDS
    assert config.mirror.shadow_timeout_ms == 2000
    assert (config.mirror.pin_timestamps, config.mirror.schema_changes) == (True, True)
    assert (config.mirror.overflow, config.mirror.consistency) == ("spill", None)
    assert (config.mirror.journal, config.mirror.journal_full) == ("overflow", "drop_oldest")
    assert config.mirror.journal_path == tmp_path / "cqlproxy-journal.db"
    assert (config.mirror.journal_max_bytes, config.mirror.journal_fsync_ms) == (10 * 2**30, 1000)
    assert (config.mirror.retry_interval_secs, config.mirror.max_retry_attempts) == (1.0, 5)
    assert config.mirror.replay_rate == 20_000
    assert config.state_file == tmp_path / "cqlproxy-state.json"
    assert config.sync_on_shadow_failure == "fail"
    assert (config.validation_percentage, config.validation_recheck_ms) == (0.0, 1000)
    assert (config.admin.host, config.admin.port) == ("127.0.0.1", 8080)
    assert (config.log.level, config.log.format) == ("info", "text")
    assert (config.request_timeout_ms, config.connect_timeout) == (12_000, 60.0)


def test_the_sample_shows_every_key_with_its_default(tmp_path: Path) -> None:
    config = load_config(SAMPLE)
    assert doubts(config) == []
    assert config.mode is Mode.DUAL_WRITE_ASYNC
    written = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    assert written.keys() == Config.model_fields.keys() - {"tracing"}
    # The keys without a default to show stand in comments.
    commented = {
        "listen": {"advertised_address", "allowed_networks", "tls"},
        "primary": {"username", "password", "password_file", "auth", "tls"},
        "shadow": {"username", "password", "password_file", "auth", "tls"},
        "mirror": {"consistency"},
        "admin": {"token", "token_file", "tls"},
    }
    for keys in commented.values():
        assert all(f"# {key}: " in SAMPLE.read_text(encoding="utf-8") for key in keys)
    (example,) = re.findall(r"^# tracing:\n(?:#   .*\n)+", SAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    shown = yaml.safe_load(example.replace("# ", "", 1).replace("\n# ", "\n"))["tracing"]
    assert shown == Tracing().model_dump()
    for section in ("listen", "primary", "shadow", "mirror", "filters", "admin", "log"):
        missing = type(getattr(config, section)).model_fields.keys() - written[section].keys()
        assert missing == commented.get(section, set())
    (tmp_path / "proxy.yaml").write_text(MINIMAL)
    defaults = load_config(tmp_path / "proxy.yaml")
    paths = {"state_file", "journal_path"}
    assert config.model_dump(exclude={"primary", "shadow", "mode", "filters", "state_file", "mirror"}) == (
        defaults.model_dump(exclude={"primary", "shadow", "mode", "filters", "state_file", "mirror"})
    )
    assert config.mirror.model_dump(exclude=paths) == defaults.mirror.model_dump(exclude=paths)
    assert (written["state_file"], written["mirror"]["journal_path"]) == (
        defaults.state_file.name,
        defaults.mirror.journal_path.name,
    )


def test_every_key_can_be_set(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        listen: {host: "::", port: 19042, advertised_address: "2001:db8::1", max_frame_bytes: 16MiB,
                 tls: {cert_file: l.crt, key_file: l.key, client_ca_file: /etc/clients.crt}}
        primary: {contact_points: [db1, 10.0.0.1, "2001:db8::7"], port: 9142, local_datacenter: dc1,
                  tls: {ca_file: ca.crt, cert_file: p.crt, key_file: p.key, check_hostname: false}}
        shadow: {contact_points: [db9], port: 9242, tls: {}}
        mode: DualAsync
        mirror:
          {max_requests: 10, max_bytes: 10MB, shadow_timeout_ms: 5, pin_timestamps: false, schema_changes: no,
           overflow: block, consistency: LOCAL_ONE, retry_interval_secs: 0.5, max_retry_attempts: 0,
           circuit_open_seconds: 2.5,
           journal: always, journal_path: /var/lib/cqlproxy/journal.db, journal_max_bytes: 1GiB,
           journal_full: block, journal_fsync_ms: 0, replay_rate: 500}
        state_file: state/mode.json
        sync_on_shadow_failure: queue
        validation_percentage: 0.5
        validation_recheck_ms: 250
        filters: {rules_file: rules/all.yaml}
        admin: {host: 0.0.0.0, port: 18080, token_file: token, tls: {cert_file: a.crt, key_file: a.key}}
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
    assert config.listen.tls == ListenTls(
        cert_file=tmp_path / "l.crt", key_file=tmp_path / "l.key", client_ca_file=Path("/etc/clients.crt")
    )
    assert config.primary.tls == ClusterTls(
        ca_file=tmp_path / "ca.crt",
        cert_file=tmp_path / "p.crt",
        key_file=tmp_path / "p.key",
        check_hostname=False,
    )
    assert config.shadow is not None
    assert config.shadow.port == 9242
    assert config.shadow.tls == ClusterTls(ca_file=None, cert_file=None, key_file=None, check_hostname=True)
    assert config.mode is Mode.DUAL_WRITE_ASYNC
    assert (config.mirror.max_requests, config.mirror.max_bytes) == (10, 10_000_000)
    assert (config.mirror.shadow_timeout_ms, config.mirror.pin_timestamps) == (5, False)
    assert not config.mirror.schema_changes
    assert (config.mirror.overflow, config.mirror.consistency) == ("block", ConsistencyLevel.LOCAL_ONE)
    assert (config.mirror.retry_interval_secs, config.mirror.max_retry_attempts) == (0.5, 0)
    assert config.mirror.circuit_open_seconds == 2.5
    assert (config.mirror.journal, config.mirror.journal_full) == ("always", "block")
    assert config.mirror.journal_path == Path("/var/lib/cqlproxy/journal.db")
    assert (config.mirror.journal_max_bytes, config.mirror.journal_fsync_ms) == (2**30, 0)
    assert config.mirror.replay_rate == 500
    assert config.state_file == tmp_path / "state" / "mode.json"
    assert config.sync_on_shadow_failure == "queue"
    assert (config.validation_percentage, config.validation_recheck_ms) == (0.5, 250)
    assert (config.admin.host, config.admin.port) == ("0.0.0.0", 18080)
    assert (config.admin.token, config.admin.token_file) == (None, tmp_path / "token")
    assert config.admin.tls == ServerTls(cert_file=tmp_path / "a.crt", key_file=tmp_path / "a.key")
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


def test_every_limit_of_clients_can_be_set(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        MINIMAL
        + """
        listen:
          {allowed_networks: [10.0.0.0/8, 192.0.2.1, "2001:db8::/32"],
           max_clients: 1, max_clients_per_address: 2, max_requests: 3, max_requests_per_client: 4,
           handshake_seconds: 0.5, frame_seconds: 6, idle_seconds: 0, unread_seconds: 7,
           max_unread_bytes: 8MiB}
        shutdown_drain_seconds: 0
        max_prepared_statements: 9
        max_keyspaces: 10
        max_users: 11
        user_idle_seconds: 12
        max_keyspaces_per_user: 13
        """.replace("\n        ", "\n"),
    )
    listen = config.listen
    assert listen.allowed_networks == (
        IPv4Network("10.0.0.0/8"),
        IPv4Network("192.0.2.1/32"),
        IPv6Network("2001:db8::/32"),
    )
    assert (listen.max_clients, listen.max_clients_per_address) == (1, 2)
    assert (listen.max_requests, listen.max_requests_per_client) == (3, 4)
    assert (listen.handshake_seconds, listen.frame_seconds, listen.idle_seconds) == (0.5, 6.0, 0.0)
    assert (listen.unread_seconds, listen.max_unread_bytes) == (7.0, 8 * 2**20)
    assert config.shutdown_drain_seconds == 0.0
    assert (config.max_prepared_statements, config.max_keyspaces) == (9, 10)
    assert (config.max_users, config.user_idle_seconds, config.max_keyspaces_per_user) == (11, 12.0, 13)


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


def test_a_token_is_shown_by_nothing(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL + f"admin: {{host: 10.0.0.1, token: {TOKEN}}}")
    assert config.admin.token is not None
    assert config.admin.token.get_secret_value() == TOKEN
    assert TOKEN not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"
    for wrong in (f"{{token: '{TOKEN} '}}", f"{{token: [{TOKEN}]}}", f"{{token: {TOKEN}, prot: 1}}"):
        assert TOKEN not in "\n".join(problems(tmp_path, MINIMAL + f"admin: {wrong}"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.42.0.1", "'::1'", "localhost", "LOCALHOST."])
def test_without_a_token_the_admin_port_is_for_this_machine(host: str, tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL + f"admin: {{host: {host}}}").admin.token is None


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # Missing.
        ("", ["primary: is required (a mapping with at least contact_points)",
              f"mode: is required (one of {MODES})"]),
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
        (MINIMAL + "listen: {tls: }", ["listen.tls: must be a mapping of keys, not empty"]),
        # TLS and the admin token.
        (MINIMAL + "listen: {tls: {cert_file: a.crt}}",
         ["listen.tls.key_file: is required (the path of a PEM file)"]),
        (MINIMAL + "listen: {tls: {cert_file: a.crt, key_file: a.key, client_ca: x}}",
         ["listen.tls.client_ca: is not a known key, did you mean client_ca_file?"
          " (accepted here: cert_file, key_file, client_ca_file)"]),
        ("primary: {contact_points: [db1], tls: {cert_file: a.crt}}\nmode: primary_only",
         ["primary.tls.key_file: is required with cert_file"]),
        (DUAL.replace("[db2]", "[db2], tls: {key_file: a.key}"),
         ["shadow.tls.cert_file: is required with key_file"]),
        (MINIMAL + "admin: {host: 0.0.0.0}", [f"admin.host: other machines can reach 0.0.0.0, {NO_TOKEN}"]),
        (MINIMAL + "admin: {host: proxy.example}",
         [f"admin.host: other machines can reach proxy.example, {NO_TOKEN}"]),
        (MINIMAL + f"admin: {{token: {TOKEN}, token_file: token}}",
         ["admin.token_file: there is an admin.token as well: give one of them"]),
        (MINIMAL + "admin: {token: abc}", [f"admin.token: {BAD_TOKEN}"]),
        (MINIMAL + f"admin: {{token: '{TOKEN} {TOKEN}'}}", [f"admin.token: {BAD_TOKEN}"]),
        (MINIMAL + "admin: {token: 12345678901234567890}",
         ["admin.token: must be text, in quotes if it looks like a number"]),
        # Unknown keys.
        (MINIMAL + "listen: {prot: 1}",
         ["listen.prot: is not a known key, did you mean port?"
          f" (accepted here: {', '.join(Listen.model_fields)})"]),
        (MINIMAL + "log: {colour: red}", ["log.colour: is not a known key (accepted here: level, format)"]),
        (MINIMAL + "request-timeout-ms: 1",
         ["request-timeout-ms: is not a known key, did you mean request_timeout_ms? "
          f"(accepted here: {', '.join(Config.model_fields)})"]),
        (MINIMAL + "listen: {allowed_networks: []}",
         ["listen.allowed_networks: must name at least one network, such as [10.0.0.0/8]; left out, all are"
          " allowed"]),
        (MINIMAL + "listen: {allowed_networks: 10.0.0.0/8}",
         ["listen.allowed_networks: must be a list of networks, such as [10.0.0.0/8], not '10.0.0.0/8'"]),
        (MINIMAL + "listen: {allowed_networks: [10.0.0.0/8, 10.0.0.1/8]}",
         ["listen.allowed_networks[1]: '10.0.0.1/8' has bits set beyond its prefix: 10.0.0.0/8, or a longer"
          " prefix?"]),
        (MINIMAL + "listen: {allowed_networks: [db1]}",
         ["listen.allowed_networks[0]: must be a network, such as 10.0.0.0/8 or 2001:db8::/32, not 'db1'"]),
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
        (MINIMAL + "mirror: {overflow: spil}",
         ["mirror.overflow: must be one of spill, drop, block, not 'spil'"]),
        (MINIMAL + "mirror: {journal: on}",
         ["mirror.journal: must be one of off, overflow, always, not true"
          " (as YAML reads a bare on or yes, too)"]),
        (MINIMAL + "mirror: {journal: }",
         ["mirror.journal: must be one of off, overflow, always, not empty"]),
        (MINIMAL + "mirror: {overflow: off}",
         ["mirror.overflow: must be one of spill, drop, block, not false"]),
        (MINIMAL + "mirror: {consistency: local_quorum}",
         [f"mirror.consistency: must be one of {LEVELS}, not 'local_quorum', did you mean LOCAL_QUORUM?"]),
        (MINIMAL + "mirror: {consistency: SERIAL}",
         ["mirror.consistency: SERIAL is for the reading half of a conditional write,"
          f" must be one of {LEVELS}"]),
        (MINIMAL + "mirror: {consistency: 1}", [f"mirror.consistency: must be one of {LEVELS}, not 1"]),
        (MINIMAL + "mirror: {consistency: }", [f"mirror.consistency: must be one of {LEVELS}, not empty"]),
        (MINIMAL + "mirror: {retry_interval_secs: 0}",
         ["mirror.retry_interval_secs: must be a number of seconds from 0.01 to 3600, not 0"]),
        (MINIMAL + "mirror: {max_retry_attempts: -1}",
         ["mirror.max_retry_attempts: must be a whole number from 0 to 1000, not -1"]),
        (MINIMAL + "mirror: {replay_rate: 0}",
         ["mirror.replay_rate: must be a whole number from 1 to 10000000, not 0"]),
        (MINIMAL + "mirror: {journal_path: ''}",
         ["mirror.journal_path: must be the path of a file, not ''"]),
        (MINIMAL + "mirror: {journal_max_bytes: 1kB}",
         ["mirror.journal_max_bytes: must be from 1048576 to 1125899906842624 bytes, not '1kB'"]),
        (MINIMAL + "mirror: {journal_fsync_ms: 0.5}",
         ["mirror.journal_fsync_ms: must be a whole number of milliseconds from 0 to 60000, not 0.5"]),
        (MINIMAL + "mirror: {journal_full: drop}",
         ["mirror.journal_full: must be one of drop_oldest, block, not 'drop'"]),
        (MINIMAL + "mirror:", ["mirror: must be a mapping of keys, not empty"]),
        *[(MINIMAL + f"state_file: {path}", [f"state_file: must be the path of a file, not {path!r}"])
          for path in ("/", ".", "state/", "/var/lib/..")],
        (MINIMAL + r'state_file: "a\0"', [r"state_file: must be the path of a file, not 'a\x00'"]),
        (MINIMAL + "state_file: 7", ["state_file: must be the path of a file, not 7"]),
        (MINIMAL + "sync_on_shadow_failure: retry",
         ["sync_on_shadow_failure: must be one of fail, queue, not 'retry'"]),
        (MINIMAL + "validation_percentage: 100.5",
         ["validation_percentage: must be a number from 0 to 100, not 100.5"]),
        (MINIMAL + "validation_percentage: 5%",
         ["validation_percentage: must be a number from 0 to 100, not '5%'"]),
        (MINIMAL + "validation_recheck_ms: 0",
         ["validation_recheck_ms: must be a whole number of milliseconds from 1 to 3600000, not 0"]),
        # Contradictions.
        (MINIMAL + "mirror: {journal: always, overflow: drop}",
         ["mirror.overflow: drop contradicts mirror.journal: always, which keeps every copy until it has"
          " arrived; use spill, or block"]),
        (MINIMAL + "state_file: /a/b/state\nmirror: {journal_path: /a/c/../b/state}",
         ["mirror.journal_path: /a/c/../b/state is also state_file: each needs a file of its own"]),
        (MINIMAL + "filters: {rules_file: /r}\nstate_file: /r\nmirror: {journal_path: /r}",
         ["state_file: /r is also filters.rules_file: each needs a file of its own",
          "mirror.journal_path: /r is also filters.rules_file: each needs a file of its own"]),
        (MINIMAL + "admin: {port: 9042}", ["admin.port: 9042 is taken by listen.port on the same host"]),
        ("primary: {contact_points: [a, b]}\nshadow: {contact_points: [c, b]}\nmode: DualAsync",
         ["shadow.contact_points: b:9042 is in the primary as well: two clusters are needed"]),
    ],
)  # fmt: skip
def test_bad_configuration(tmp_path: Path, text: str, lines: list[str]) -> None:
    assert problems(tmp_path, text) == lines


def test_the_configuration_is_not_written_over(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, MINIMAL + "state_file: proxy.yaml")
    assert line == (
        f"state_file: {tmp_path}/proxy.yaml is also the configuration itself: each needs a file of its own"
    )


@pytest.mark.parametrize("written", ["off", '"off"', "no", "false"])
def test_a_bare_off_turns_the_journal_off(tmp_path: Path, written: str) -> None:
    assert load(tmp_path, MINIMAL + f"mirror: {{journal: {written}}}").mirror.journal == "off"


@pytest.mark.parametrize("level", LEVELS.split(", "))
def test_a_consistency_level_is_named_as_the_protocol_names_it(tmp_path: Path, level: str) -> None:
    config = load(tmp_path, MINIMAL + f"mirror: {{consistency: {level}}}")
    assert config.mirror.consistency is ConsistencyLevel[level]


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


def test_a_token_in_the_clear_and_a_name_that_is_not_checked_are_doubted(tmp_path: Path) -> None:
    text = MINIMAL.replace("[db1]", "[db1], tls: {check_hostname: false}")
    assert doubts(load(tmp_path, text + f"admin: {{host: 10.0.0.1, token: {TOKEN}}}")) == [
        "admin.tls: is not given, so the token crosses the network as it is: whoever reads it has it",
        "primary.tls.check_hostname: false, so whoever has any certificate of the authority"
        " can pose as a node",
    ]
    encrypted = f"admin: {{host: 10.0.0.1, token: {TOKEN}, tls: {{cert_file: a, key_file: b}}}}"
    assert doubts(load(tmp_path, MINIMAL + encrypted)) == []


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ("", None),
        ("listen: {host: db2}",
         "shadow: db2:9042 is also where the proxy listens: it would be its own client"),
        ("mirror: {journal: off}",
         "mirror.overflow: spill is into the journal, and mirror.journal is off: a copy for which there is"
         " no room is dropped; say drop or block if that is meant"),
        ("mirror: {journal: off, overflow: drop}", None),
        ("mirror: {pin_timestamps: false}",
         "mirror.pin_timestamps: false, and the journal delivers copies late: each gets the time of its"
         " delivery and hides what was written since; use true, or mirror.journal: off"),
        ("mirror: {pin_timestamps: false, journal: off, overflow: block}", None),
        ("mirror: {consistency: ANY}",
         "mirror.consistency: ANY counts a copy as delivered when no replica has it yet, and counters"
         " cannot be written with it; use ONE or more"),
        ("mirror: {journal: always}", None),
    ],
)  # fmt: skip
def test_what_is_most_likely_not_meant_is_doubted_not_refused(
    tmp_path: Path, changed: str, line: str | None
) -> None:
    assert doubts(load(tmp_path, DUAL + changed)) == ([] if line is None else [line])


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


def test_traces_need_what_is_installed_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = MINIMAL + "tracing: {ratio: 0.5}\n"
    tracing = load(tmp_path, text).tracing
    assert tracing is not None
    assert (tracing.endpoint, tracing.ratio, tracing.max_per_second) == (
        "http://127.0.0.1:4318/v1/traces",
        0.5,
        50,
    )
    # As Python finds a module that is not installed.
    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    (line,) = problems(tmp_path, text)
    assert line.endswith(
        "tracing: needs OpenTelemetry, which is not installed: pip install 'cqlproxy[otel]', or leave the"
        " section out"
    )


@pytest.mark.parametrize("url", ["", "collector:4318", "ftp://collector/", "http://", "http://[::1", "7"])
def test_the_collector_is_a_url(tmp_path: Path, url: str) -> None:
    (line,) = problems(tmp_path, MINIMAL + f"tracing: {{endpoint: '{url}'}}\n")
    assert "tracing.endpoint: must be a URL such as http://127.0.0.1:4318/v1/traces, not " in line
