"""The command line of llmlb: ``llmlb`` and, beside an engine, ``xllm``.

``main`` runs a line · ``tree`` is the table of commands · ``plain`` runs a plain read, ``groups`` everything else by
Typer; both import a command when it is needed · ``pages`` writes the help · ``options`` are shared by many commands ·
``context`` knows which router is meant · ``output`` alone writes stdout, with ``registry`` (columns), ``table`` and
``formats`` · ``exits`` alone writes stderr, with ``failures`` and ``crash`` · ``consent`` asks before harm is done ·
``commands`` does the work.
"""
