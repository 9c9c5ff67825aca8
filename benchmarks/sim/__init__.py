"""The judge of routing policies: a discrete-event simulation of a fleet of unequal engines behind the real router core.

    python -m benchmarks.sim                                   the table on the medium fleet, chat, generated workload
    python -m benchmarks.sim --policies adaptive,weighted      only these rows
    python -m benchmarks.sim --workload long --fleet small     another traffic on another fleet
    python -m benchmarks.sim --trace chat=FILE --load 0.9      a recorded trace, at another load
    python -m benchmarks.sim --sensitivity adaptive            what wrong estimates, old figures and dying nodes change
    python -m benchmarks.sim --all --picture FILE.svg          what ``make sim`` runs

Real: ``Fleet``, ``Balancer``, circuits, retry rules and the policies. Simulated: the engines, the network (which takes
no time) and the clock. Without a trace the workloads are generated, always the same ones for a seed.

    prefix_cache.py   which blocks an engine still has
    engine.py         continuous batching in macro steps
    fleets.py         classes of nodes, fleets, what "capacity" means
    workload.py       arrivals, from traces or generated.py
    baselines.py      policies that the product does not have
    world.py          the event loop: arrivals, engines, heartbeats, incidents
    results.py        what is measured
    study.py          which runs make up the tables; report.py and picture.py print them
"""
