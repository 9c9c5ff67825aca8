"""The load test: measures a load balancer, not only an engine.

Reads from plan to report:

    typed, options       what was typed → a checked plan
    plan                 which requests, when, what is good: pure data
    arrivals, prompts, traces
                         schedules and texts, seeded
    drivers, phases      who sends the next request
    engine, exchange, connection
                         the only part with sockets: one clock reading per read, no task per event
    answer, sse, deltas  what the bytes say; taxonomy: the one class each request ends in
    record               one request when it is over
    results, balance, tenants, steady, timeline, pairing, capacity, honesty
                         records → figures: pure
    objectives, gates, evidence, verdicts, compare
                         whether the figures are good enough, or worse than before
    report, stream       the same result for people and machines
    viewer → frames → drawing → standing, live
                         the picture on a terminal, drawn by another process; judging for ``-o ndjson``

``run.run`` is the engine for programs; ``command.perform`` is the command.
"""
