"""The control plane: every path but the data plane's, on FastAPI.

A route parses what comes in, calls an operation, and answers with a message of ``llmlb.wire``. The operations change
the core, which is synchronous, and the store, which is awaited before an operator's change is acknowledged; heartbeats
never wait for the store. Every route declares who may call it (``access.Access``); one that does not stops the start.
"""
