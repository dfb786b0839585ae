"""Where the proxy's time goes: a sampling profiler on one that is under load.

Beside the micro benchmarks, which tell what a request executes, this tells what takes long: also what C code
takes, the kernel's part of it, and the threads beside the event loop.
"""
