"""Talking to a router: the typed async client, a thin blocking one for one-shot commands, and credentials.

``control``      every call of the control API, over httpx; for the agent, the console and load tests
``simple``       one blocking call on the standard library alone; for commands that must start fast
``http1``        the exchange it makes: one request and one answer over a socket
``credentials``  which router, and with what credential: contexts, files and their order
``shapes``       the answers, as typed dictionaries
``sse``          the parser of Server-Sent Events that both clients use
``filters``      the language of filters, the same in the console and on the command line
"""
