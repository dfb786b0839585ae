"""The parts of the benchmark, each of which answers one question and can be run alone."""
