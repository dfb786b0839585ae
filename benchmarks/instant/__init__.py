"""An instant backend: a real cluster as drivers see it, but no work is done for requests on the bench table.

It stands before one Cassandra node and forwards every frame to it and back, except that EXECUTE, QUERY and
BATCH on the bench keyspace are answered at once, with what the node answered the first time. So a proxy
connects, discovers and prepares as usual, and what is measured then is the proxy alone.
"""
