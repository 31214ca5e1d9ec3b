"""A service that tells which process answered, and what time it is there."""

import os
import time

from plait.actors import Request, Service, get


class Whoami(Service, name="whoami"):
    """Answers with its process's number."""

    @get("/")
    def who(self, request: Request) -> str:
        return str(os.getpid())

    @get("/clock")
    def clock_there(self, request: Request) -> str:
        return repr(time.time())
