"""Tests: `unit` mirrors the packages, `integration` runs on real Cassandra, `nodes` starts and stops it."""
