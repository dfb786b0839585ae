"""The configuration: its keys, how it is read, and what is told of it."""

from __future__ import annotations

from cqlproxy.config.loading import ConfigError, changed_config, load_config
from cqlproxy.config.model import Admin, ClusterAddress, Config, Filters, Listen, Log, Mirror, Tracing

__all__ = [
    "Admin",
    "ClusterAddress",
    "Config",
    "ConfigError",
    "Filters",
    "Listen",
    "Log",
    "Mirror",
    "Tracing",
    "changed_config",
    "load_config",
]
