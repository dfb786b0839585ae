"""The figures of ``/metrics``: each family is declared once, and shown and documented from that.

``Exposition`` is what a proxy has; ``FAMILIES`` are the declarations, ``reference`` makes docs/metrics.md.
"""

from cqlproxy.exposition.families import FAMILIES, SECTIONS
from cqlproxy.exposition.family import Family, Histogram, Kind
from cqlproxy.exposition.shown import Exposition

__all__ = ["FAMILIES", "SECTIONS", "Exposition", "Family", "Histogram", "Kind"]
