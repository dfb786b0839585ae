"""The command line, and what its exit codes mean.

0: all is well. 1: the proxy could not start, or a running one could not be asked or could not do what it was
asked to do. 2: the configuration, a rules file, a plan or the command line is wrong, and nothing was started.
3: `migrate` waits for a yes that nobody was there to give.
"""

from __future__ import annotations

from typing import ClassVar

import click

from cqlproxy import __version__
from cqlproxy.cli.lazy_group import LazyGroup


class _Main(LazyGroup):
    homes: ClassVar = {
        "serve": "cqlproxy.cli.serving:serve",
        "check-config": "cqlproxy.cli.checking:check_config",
        "demo": "cqlproxy.cli.demonstrating:demo",
        "status": "cqlproxy.cli.status:status",
        "ready": "cqlproxy.cli.ready:ready",
        "config": "cqlproxy.cli.configuration:config",
        "mode": "cqlproxy.cli.mode:mode",
        "filters": "cqlproxy.cli.rules:filters",
        "mirror": "cqlproxy.cli.mirror:mirror",
        "dead-letters": "cqlproxy.cli.dead_letters:dead_letters",
        "migrate": "cqlproxy.cli.migrate:migrate",
        "completion": "cqlproxy.cli.completion:completion",
    }


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cqlproxy")
def main() -> None:
    """A transparent proxy for CQL.

    An application connects to cqlproxy instead of its cluster. cqlproxy serves it from that cluster, the
    primary, and copies its writes to a second one, the shadow.

    \b
    Examples:
      cqlproxy check-config proxy.yaml
      cqlproxy serve -c proxy.yaml
      cqlproxy demo
      cqlproxy status --watch
      cqlproxy ready
      cqlproxy mode get
      cqlproxy filters show
      cqlproxy mirror drain
      cqlproxy dead-letters list
      cqlproxy migrate plan.yaml
    """
