"""The echo service: the least work that a service can do, so that what is measured is the mesh."""

from plait.actors import Request, Service, get


class Echo(Service, name="echo", version="v1"):
    """Answers five bytes."""

    @get("/")
    async def hello(self, request: Request) -> bytes:
        """The five bytes."""
        return b"hello"
