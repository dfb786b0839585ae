"""What a request costs inside the proxy, without a network: counts, and its cost in fixed steps.

The proxy is the real one, wired as the service wires it; only its transports are replaced, by ones that keep
what is written. Counts are exact and the same on every machine. Times are told as multiples of the time that
a fixed piece of pure Python takes in the same process, since nothing else of a shared machine is certain.
"""
