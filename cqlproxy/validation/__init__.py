"""Watching divergence: some reads are put to the other cluster as well, and the answers compared."""
