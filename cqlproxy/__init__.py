"""A transparent proxy for CQL: serves an application from one cluster, copies its mutations to a second."""

__version__ = "0.1.0"
