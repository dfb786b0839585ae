"""The HTTP endpoints for operators: health, readiness, mode, rules, figures as JSON and for Prometheus."""

from cqlproxy.admin.exposition import render
from cqlproxy.admin.server import AdminServer
from cqlproxy.admin.view import ModeRefusedError, NoRulesFileError, View

__all__ = ["AdminServer", "ModeRefusedError", "NoRulesFileError", "View", "render"]
