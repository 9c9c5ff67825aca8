"""What the data path costs, beside its peers: ``python -m benchmarks.dataplane [--quick] [--json FILE]``.

A mock engine (``engine.c``) and a load client (``load.c``) that cost next to nothing are compiled on first use. Each
balancer in turn stands between them, pinned to one processor while engine and client share another. All run in the same
session, interleaved over several rounds; the medians are printed, and the ratio to nginx within a round, which is what
can be compared between machines. Every response is checked for completeness.
"""
