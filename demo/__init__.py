"""``make demo``: cqlproxy between two real clusters, with an ordinary program as its client."""
