"""A service that holds its node's event loop."""

import time

from plait.actors import Request, Service, get


class Sleeper(Service, name="sleeper"):
    """Sleeps where everybody else waits for it."""

    @get("/block")
    def block(self, request: Request) -> str:
        time.sleep(1.0)
        return "slept"
