"""The HTTP endpoints for operators: health, readiness, the rules, figures as JSON and for Prometheus."""

from cqlproxy.admin.exposition import render
from cqlproxy.admin.server import AdminServer
from cqlproxy.admin.view import NoRulesFileError, View

__all__ = ["AdminServer", "NoRulesFileError", "View", "render"]
