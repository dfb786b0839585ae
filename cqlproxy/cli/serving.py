"""`cqlproxy serve` and `cqlproxy check-config`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from cqlproxy import logs
from cqlproxy.cli.failures import fail, refuse
from cqlproxy.config import Admin, ClusterAddress, Config, ConfigError, Listen, Mirror, load_config
from cqlproxy.config_clashes import doubts
from cqlproxy.files_in_force import FileProblemsError
from cqlproxy.security_files import WARN_BEFORE_SECONDS, SecurityFiles
from cqlproxy.state_file import StateFileError, difference, read_state
from filters import RulesError, load_rules

_CONFIG_FILE = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration, a YAML file.",
)


@click.command()
@_CONFIG_FILE
def serve(path: Path) -> None:
    """Run the proxy until SIGTERM or SIGINT.

    Then it answers what its clients have asked, delivers copies for shutdown_drain_seconds, leaves the rest
    to the journal, and exits with 0. A second signal ends it at once. SIGHUP reads the configuration, the
    rules file, the certificates and the admin token again; what of the configuration needs a restart is
    named in the log. Logs go to stderr. systemd is told when it is ready (Type=notify),
    and that it is alive (WatchdogSec=).

    Exits with 2 when the configuration or a file that it names is wrong, and with 1 when the proxy cannot
    start (a port is in use, or the primary was not reached within connect_timeout) or a part of it fails for
    good.

    \b
    Examples:
      cqlproxy serve -c proxy.yaml
      cqlproxy serve --config /etc/cqlproxy/proxy.yaml
    """
    config = _checked(path)
    logs.configure(config.log.level, config.log.format)
    for doubt in doubts(config):
        logging.getLogger(__name__).warning("%s: %s", path, doubt)

    # Imported here, so that the other commands and a bad configuration do not wait for the driver to load.
    import uvloop

    from cqlproxy.proxy import StartupError
    from cqlproxy.service import serve as run_proxy
    from cqlproxy.supervision import EssentialTaskError

    try:
        uvloop.run(run_proxy(config, path))
    except (StartupError, EssentialTaskError) as error:
        fail(str(error))
    except (RulesError, FileProblemsError) as error:
        refuse(error.problems)


@click.command()
@_CONFIG_FILE
def check_config(path: Path) -> None:
    """Check a configuration and the files that it names: rules, certificates, tokens. Start nothing.

    Prints what was understood, and warns of what is most likely not meant. Exits with 2, and one line for
    each problem, when something is wrong.

    \b
    Example:
      cqlproxy check-config -c proxy.yaml
    """
    config = _checked(path)
    for doubt in doubts(config) + _other_mode(config) + _expiring(config):
        click.echo(f"{path}: warning: {doubt}", err=True)
    click.echo(f"{path} is valid.")
    for name, meaning in _summary(config):
        click.echo(f"  {name:<10}{meaning}")


def _other_mode(config: Config) -> list[str]:
    """What the state file has to say about the mode of the configuration."""
    try:
        state = read_state(config.state_file)
    except StateFileError as error:
        return [f"state_file: {error}"]
    line = None if state is None else difference(config.state_file, state, config.mode)
    return [] if line is None else [f"mode: {line}"]


def _expiring(config: Config) -> list[str]:
    """A line for each certificate near its end."""
    return [
        f"{state.section}.{state.file}: expired"
        if state.seconds_left <= 0
        else f"{state.section}.{state.file}: expires in {state.seconds_left / 86_400:.0f} days"
        for state in SecurityFiles(config).certificates()
        if state.seconds_left < WARN_BEFORE_SECONDS
    ]


def _checked(path: Path) -> Config:
    try:
        config = load_config(path)
        if config.filters:
            load_rules(config.filters.rules_file)
        SecurityFiles(config)
    except ConfigError as error:
        refuse(error.lines)
    except FileProblemsError as error:
        refuse([f"{path}: {problem}" for problem in error.problems])
    except RulesError as error:
        refuse(error.problems)
    return config


def _summary(config: Config) -> list[tuple[str, str]]:
    listen, mirror = config.listen, config.mirror
    advertised = listen.advertised_address or "the address that each client connected to"
    lines = [
        ("mode", config.mode.value),
        ("", f"until it is switched; then that of {config.state_file}"),
        ("listen", f"{_at(listen.host, listen.port)}, advertised as {advertised}"),
        *_client_tls(listen),
        ("", f"frames up to {_readable(listen.max_frame_bytes)}"),
        ("primary", _cluster(config.primary)),
        ("", f"{config.connect_timeout:g} s to connect at start, {config.request_timeout_ms} ms per request"),
    ]
    if config.shadow is None:
        lines.append(("shadow", "none"))
    else:
        unused = "" if config.mode.uses_shadow else ", unused in this mode"
        lines.append(("shadow", _cluster(config.shadow) + unused))
        if config.shadow.auth == "client":
            lines.append(("", "where it answers, clients' requests run with their own credentials"))
    level = "of the client's request" if mirror.consistency is None else mirror.consistency.name
    lines += [
        ("mirror", f"up to {mirror.max_requests} copies and {_readable(mirror.max_bytes)} wait"),
        ("", f"what is beyond is {_overflow(mirror)}"),
        ("", f"{mirror.shadow_timeout_ms} ms per attempt to deliver one, with consistency {level}"),
        ("", f"write times are {'pinned' if mirror.pin_timestamps else 'not pinned'}"),
        ("", f"schema changes are {'copied' if mirror.schema_changes else 'not copied'}"),
        *_journal(mirror),
        ("compared", _validation(config)),
        (
            "filters",
            f"rules in {config.filters.rules_file}" if config.filters else "none: nothing is held back",
        ),
        ("admin", _admin(config.admin)),
        ("log", f"{config.log.level}, {config.log.format}"),
    ]
    return lines


def _overflow(mirror: Mirror) -> str:
    if mirror.overflow == "spill":
        return "dropped" if mirror.journal == "off" else "spilled into the journal"
    return "dropped" if mirror.overflow == "drop" else "waited for: clients feel it"


def _journal(mirror: Mirror) -> list[tuple[str, str]]:
    if mirror.journal == "off":
        return [("journal", "off: copies that cannot be delivered are lost")]
    taken = "every copy" if mirror.journal == "always" else "what memory cannot hold or deliver"
    full = "the oldest are dropped" if mirror.journal_full == "drop_oldest" else "clients wait"
    return [
        ("journal", f"{mirror.journal_path}, for {taken}"),
        ("", f"up to {_readable(mirror.journal_max_bytes)}, then {full}"),
        ("", f"read back with at most {mirror.replay_rate} copies a second"),
    ]


def _validation(config: Config) -> str:
    if not config.validation_percentage:
        return "off"
    return f"{config.validation_percentage:g} % of reads, again after {config.validation_recheck_ms} ms"


def _cluster(cluster: ClusterAddress) -> str:
    points = ", ".join(_at(host, cluster.port) for host in cluster.contact_points)
    where = f"{points}, datacenter {cluster.local_datacenter or 'of the first that answers'}"
    account = "" if cluster.username is None else f", as {cluster.username}"
    return where + account if cluster.tls is None else f"{where}{account}, by TLS"


def _client_tls(listen: Listen) -> list[tuple[str, str]]:
    if listen.tls is None:
        return []
    shown = "" if listen.tls.client_ca_file is None else "; clients must show a certificate"
    return [("", f"TLS with {listen.tls.cert_file}{shown}")]


def _admin(admin: Admin) -> str:
    token = "" if admin.token is None and admin.token_file is None else ", with a token"
    return f"{admin.url}{token}"


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _readable(size: int) -> str:
    for factor, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"
