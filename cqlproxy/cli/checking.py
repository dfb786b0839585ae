"""`cqlproxy check-config`: a configuration judged by its text, and by the clusters that it names."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqlproxy.cli.config_file import Checked, ConfigFileError, check
from cqlproxy.cli.config_in_words import summary
from cqlproxy.cli.failures import EXIT_BAD_INPUT, EXIT_FAILED, refuse
from cqlproxy.config import Config
from cqlproxy.config.clashes import doubts
from cqlproxy.security_files import WARN_BEFORE_SECONDS, SecurityFiles
from cqlproxy.state_file import StateFileError, difference, read_state

if TYPE_CHECKING:
    from cqlproxy.preflight import Inspected


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="FILE, as `serve` takes it.",
)
@click.option("--connect", is_flag=True, help="Connect to both clusters as well, and compare them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check_config(file: Path | None, path: Path | None, connect: bool, as_json: bool) -> None:
    """Check a configuration and the files that it names: rules, certificates, tokens. Start nothing.

    Prints what was understood, and warns of what is most likely not meant. With --connect it also tries both
    clusters, and prints a line for each thing that would make a migration fail: no common protocol version,
    tables, columns or types that the shadow lacks or has otherwise, clocks that differ, permissions that the
    proxy's account lacks. It writes nothing.

    Exits with 2, and one line for each problem, when the configuration is wrong, and with 1 when --connect
    has found one.

    \b
    Examples:
      cqlproxy check-config proxy.yaml
      cqlproxy check-config proxy.yaml --connect
      cqlproxy check-config proxy.yaml --connect --json
    """
    if (file is None) == (path is None):
        problem = "Missing argument 'FILE'." if file is None else "FILE is given twice: with -c as well."
        raise click.UsageError(problem)
    place = file or path
    assert place is not None
    try:
        checked = check(place)
    except ConfigFileError as error:
        if not as_json:
            refuse(error.lines)
        _print({"file": str(place), "valid": False, "problems": error.lines})
        raise SystemExit(EXIT_BAD_INPUT) from None
    config = checked.config
    warnings = doubts(config) + _other_mode(config) + _expiring(checked.files)
    seen = _inspected(checked) if connect else None
    if as_json:
        _print(_as_json(place, config, warnings, seen))
    else:
        for warning in warnings:
            click.echo(f"{place}: warning: {warning}", err=True)
        click.echo(f"{place} is valid.")
        for name, meaning in summary(config):
            click.echo(f"  {name:<10}{meaning}")
        for line in () if seen is None else _in_words(seen):
            click.echo(line)
    if seen is not None and any(finding.serious for finding in seen.findings):
        raise SystemExit(EXIT_FAILED)


def _inspected(checked: Checked) -> Inspected:
    # Imported here, so that a configuration is judged by its text without the driver.
    import uvloop

    from cqlproxy.preflight import inspect_clusters

    # The driver tells of each of its attempts; what matters of it is among the findings.
    driver_log = logging.getLogger("cassandra")
    before = driver_log.level
    driver_log.setLevel(logging.CRITICAL)
    try:
        return uvloop.run(inspect_clusters(checked.config, checked.rules, checked.files))
    finally:
        driver_log.setLevel(before)


def _in_words(seen: Inspected) -> Iterator[str]:
    yield "Connected:" if seen.clusters else "No cluster could be connected to:"
    for cluster in seen.clusters:
        yield (
            f"  {cluster.name:<10}release {cluster.release}, {', '.join(cluster.nodes)};"
            f" {cluster.tables} tables in {cluster.keyspaces} keyspaces"
        )
    for finding in sorted(seen.findings, key=lambda finding: not finding.serious):
        yield f"{'problem' if finding.serious else 'warning'}: {finding.about}: {finding.told}"
    serious = sum(finding.serious for finding in seen.findings)
    yield f"{serious} problem{'' if serious == 1 else 's'} found." if serious else "No problem found."


def _as_json(place: Path, config: Config, warnings: list[str], seen: Inspected | None) -> dict[str, object]:
    found: dict[str, object] = {
        "file": str(place),
        "valid": True,
        "warnings": warnings,
        "config": config.model_dump(mode="json"),
    }
    if seen is not None:
        found["clusters"] = [vars(cluster) for cluster in seen.clusters]
        found["findings"] = [finding._asdict() for finding in seen.findings]
    return found


def _print(found: dict[str, object]) -> None:
    click.echo(json.dumps(found, indent=2))


def _other_mode(config: Config) -> list[str]:
    """What the state file has to say about the mode of the configuration."""
    try:
        state = read_state(config.state_file)
    except StateFileError as error:
        return [f"state_file: {error}"]
    line = None if state is None else difference(config.state_file, state, config.mode)
    return [] if line is None else [f"mode: {line}"]


def _expiring(files: SecurityFiles) -> list[str]:
    """A line for each certificate near its end."""
    now = time.time()
    return [
        f"{state.section}.{state.file}: expired"
        if left <= 0
        else f"{state.section}.{state.file}: expires in {left / 86_400:.0f} days"
        for state in files.certificates()
        if (left := state.expires_at - now) < WARN_BEFORE_SECONDS
    ]
