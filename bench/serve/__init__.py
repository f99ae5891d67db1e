"""The proxy beside others on the same loopback upstream: ``python -m bench.serve``."""
