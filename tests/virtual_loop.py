"""An event loop whose clock jumps to the next timer: hours pass in milliseconds, and nothing is ever early or late.

A module of tests takes it with `anyio_backend = VIRTUAL_TIME`. Where nothing is left that could ever happen, a test
that still waits fails at once instead of hanging.
"""

import asyncio
import selectors

import pytest

START = 1000.0


class _JumpingSelector(selectors.SelectSelector):
    loop: "VirtualLoop"

    def select(self, timeout=None):
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everything waits and no timer is set: this would wait for ever")
        self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `now` is its time in seconds."""

    def __init__(self):
        selector = _JumpingSelector()
        selector.loop = self
        self.now = START
        super().__init__(selector)

    def time(self):
        return self.now


@pytest.fixture
def anyio_backend():
    """Import this into a module to have its tests run in virtual time."""
    return "asyncio", {"loop_factory": VirtualLoop}
