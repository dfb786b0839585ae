"""What is looked at before a proxy is put between an application and its clusters: `check-config --connect`.

It reads only. Each thing found is one line, and says what to do about it where that is not plain.
"""

from cqlproxy.preflight.finding import Finding
from cqlproxy.preflight.inspection import Inspected, InspectedCluster, inspect_clusters

__all__ = ["Finding", "Inspected", "InspectedCluster", "inspect_clusters"]
