"""What the proxy costs: load made on raw frames, and the processor time and memory that carrying it takes."""
