"""A request as a handler sees it."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ..messages.envelope import CallFrame, Headers

ATTEMPTS = "x-envoy-attempt-count"
"""The header by which Envoy tells the number of the attempt, 1 for the first."""


class HeaderView(Mapping[str, str]):
    """Header fields by name in any case; several fields of one name are joined by a comma."""

    def __init__(self, fields: Headers) -> None:
        self.fields = fields
        """All fields in their order."""

    def __getitem__(self, name: str) -> str:
        value: str | None = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of the field of this name, or `default`."""
        wanted = key.lower()
        values = [value for name, value in self.fields if name == wanted]
        if not values:
            return default
        return values[0] if len(values) == 1 else ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.fields))

    def __len__(self) -> int:
        return len(dict(self.fields))


class Request:
    """What was asked of the service. The context that travels by itself is visible among the headers."""

    def __init__(self, frame: CallFrame, params: Mapping[str, str]) -> None:
        self._frame = frame
        self.params = params
        """The path's parameters, as text."""
        # Read when first asked for; functools' cached_property takes a lock for each on Python 3.11.
        self._headers: HeaderView | None = None
        self._query: dict[str, str] | None = None
        self._cookies: dict[str, str] | None = None

    @property
    def method(self) -> str:
        """Upper case."""
        return self._frame.method

    @property
    def path(self) -> str:
        """Normalised, percent-encoded, without the query."""
        return self._frame.path

    @property
    def authority(self) -> str:
        """The host that was asked for."""
        return self._frame.authority

    @property
    def body(self) -> bytes:
        """The whole body."""
        return self._frame.body

    @property
    def headers(self) -> HeaderView:
        """Header fields; what travels as baggage stands among them, and the number of the attempt."""
        if self._headers is None:
            fields, baggage = self._frame.headers, self._frame.baggage
            fields = [field for field in fields if field[0] not in baggage and field[0] != ATTEMPTS]
            fields += baggage.items()
            fields.append((ATTEMPTS, str(self._frame.attempt)))
            self._headers = HeaderView(fields)
        return self._headers

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of several of one name the last."""
        if self._query is None:
            self._query = dict(parse_qsl(self._frame.query, keep_blank_values=True))
        return self._query

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that came along; what is no `name=value` is left out."""
        if self._cookies is None:
            header = ";".join([value for name, value in self._frame.headers if name == "cookie"])
            pairs = (pair.partition("=") for pair in header.split(";"))
            self._cookies = {name.strip(): value.strip().strip('"') for name, equals, value in pairs if equals}
        return self._cookies

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            msgspec.DecodeError: it is none.
        """
        return msgspec.json.decode(self.body)

    def form(self) -> dict[str, str]:
        """Return the body read as an HTML form (`application/x-www-form-urlencoded`)."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
