"""The process beside an engine: it registers the engine at a router and sends its heartbeats.

``agent``       the life of the process: find the engine, register, beat, leave
``engines``     what an engine tells about itself, one file per kind of engine
``gpus``        GPUs of NVIDIA, AMD and Apple;  ``host`` processor and memory
``score``       the capability score, a pure formula over a table of cards
``state``       the node's id and token between two runs
``reactions``   what each answer of the router makes the agent do, as a table
"""
