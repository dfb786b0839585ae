"""Copies of mutations on their way to the other cluster, after the client has its answer."""
