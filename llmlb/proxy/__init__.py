"""The data path, top to bottom: protocol → exchange → peek → pool → upstream → watch → replies.

``RouterProtocol`` sits on the client's socket and parses heads; a data-plane request becomes an ``Exchange``, all else
goes to the control plane untouched. The exchange asks the balancer for a node, takes an ``UpstreamConnection``
from the node's ``ConnectionPool`` and relays what comes back, holding it until the first content, so that a node's
failure before that point is invisible to the client. No task, future or timer per request; one sweeper for all
deadlines.
"""
