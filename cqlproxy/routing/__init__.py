"""From a client's request to its one answer: which cluster, what is rewritten, what is copied."""
