"""A simulated engine: it speaks the OpenAI and Anthropic APIs, takes the time a GPU would, and fails on command.

server → site → exchange → engine: connections are parsed by ``connection``, ``site`` finds what a path answers,
an ``exchange`` runs one inference request on the ``engine`` and writes it in the words of its ``dialect``.
"""

from llmlb.sim.faults import Fault, FaultKind, parse_fault
from llmlb.sim.journal import Ending, RequestRecord
from llmlb.sim.server import SimServer, serve
from llmlb.sim.settings import SimSettings

__all__ = [
    "Ending",
    "Fault",
    "FaultKind",
    "RequestRecord",
    "SimServer",
    "SimSettings",
    "parse_fault",
    "serve",
]
