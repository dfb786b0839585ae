"""Why a benchmark gives no figures."""


class BenchmarkError(Exception):
    """A measurement could not be made; the message says what happened and what to look at."""
