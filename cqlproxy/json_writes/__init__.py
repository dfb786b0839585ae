"""Writes by programs that have no CQL driver: JSON in, and from there the way of any client's write."""
