"""A cluster as the proxy uses it: scylla-driver for everything slow, raw frames for every request."""
