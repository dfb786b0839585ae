"""The HTTP endpoints for operators: health, readiness, figures as JSON and for Prometheus."""

from cqlproxy.admin.exposition import render
from cqlproxy.admin.server import AdminServer
from cqlproxy.admin.view import View

__all__ = ["AdminServer", "View", "render"]
