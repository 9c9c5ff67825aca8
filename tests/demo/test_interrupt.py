from __future__ import annotations

import os
import signal

import pytest

from llmlb.demo.interrupt import Interrupt


def test_an_interrupt_that_python_dropped_is_raised_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        interrupt.check()
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pthread_sigmask(signal.SIG_BLOCK, [])  # a moment for the handler to run
        except KeyboardInterrupt:
            pass  # as a finaliser would
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
    assert signal.getsignal(signal.SIGINT) is before
