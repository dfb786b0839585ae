"""The HTTP API for operators and programs: each call declared once, served and documented from that."""

from cqlproxy.admin.server import AdminServer
from cqlproxy.admin.view import ModeRefusedError, NoRulesFileError, View

__all__ = ["AdminServer", "ModeRefusedError", "NoRulesFileError", "View"]
