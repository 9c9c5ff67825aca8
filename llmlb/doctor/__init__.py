"""What is wrong here, and how to mend it: the checks of ``llmlb doctor``.

``world``    what the checks look at, as plain values
``checks_*`` the checks: pure functions from the world to findings, each one fault
``checks``   the list of them all, and the run over it
``machine``, ``router``, ``engines``, ``reading``   how the world is read; nothing is changed by it
"""
