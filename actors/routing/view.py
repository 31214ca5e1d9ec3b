"""What routing sees of a request: plain attributes, read and never changed."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class RequestView(Protocol):
    """Anything with these attributes can be decided on; the proxy's calls are such."""

    @property
    def method(self) -> str:
        """Upper case."""
        ...

    @property
    def scheme(self) -> str: ...

    @property
    def authority(self) -> str:
        """As it was sent, with or without a port."""
        ...

    @property
    def path(self) -> str:
        """Normalised, still percent-encoded."""
        ...

    @property
    def query(self) -> str:
        """Without the question mark."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Names in lower case."""
        ...

    @property
    def baggage(self) -> Mapping[str, str]:
        """The context that travels by itself; visible as headers wherever no header has the name."""
        ...

    @property
    def gateway(self) -> str | Sequence[str]:
        """Name or names (a tuple) of the gateways that the request came in by; empty inside the mesh."""
        ...

    @property
    def port(self) -> int | None:
        """Port of the gateway's server as its policy names it; None where the listener stands for all of them."""
        ...

    @property
    def service(self) -> str:
        """The called service's token; looked at inside the mesh only."""
        ...

    @property
    def source_service(self) -> str: ...

    @property
    def source_labels(self) -> Mapping[str, str]: ...

    @property
    def source_namespace(self) -> str: ...
