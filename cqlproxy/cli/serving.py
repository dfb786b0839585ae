"""`cqlproxy serve`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from cqlproxy import logs
from cqlproxy.cli.config_file import checked
from cqlproxy.cli.failures import fail, refuse
from cqlproxy.config.clashes import doubts
from cqlproxy.files_in_force import FileProblemsError
from filters import RulesError


@click.command()
@click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration, a YAML file.",
)
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
    config = checked(path).config
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
