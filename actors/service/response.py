"""What a handler gives back, and what a call to another service brings."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from ..messages.envelope import Headers, ReplyFrame
from ..messages.error import BadReply, BadStatus
from ..proxy.degraded import FALLBACK
from .request import HeaderView

JSON = "application/json"

_JSON = ("content-type", JSON)
_TEXT = ("content-type", "text/plain; charset=utf-8")
_BYTES = ("content-type", "application/octet-stream")

encode_json = msgspec.json.Encoder().encode


T = TypeVar("T")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}  # as many as the program writes types to read


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


class Response:
    """An answer with a status and headers. Structs, dicts and lists become JSON, text and bytes stay what they are."""

    __slots__ = ("body", "degraded", "headers", "status")

    def __init__(
        self,
        body: Any = b"",
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        content_type: str | None = None,
    ) -> None:
        self.status = status
        self.degraded: tuple[str, ...] = ()
        kind: tuple[str, str] | None
        if isinstance(body, str):
            self.body, kind = body.encode(), _TEXT
        elif isinstance(body, bytes):
            self.body, kind = body, _BYTES if body else None
        else:
            self.body, kind = encode_json(body), _JSON
        if content_type is not None:
            kind = ("content-type", content_type)
        self.headers: Headers = [] if kind is None else [kind]
        if headers:
            pairs = cast("Iterable[tuple[str, str]]", headers.items() if isinstance(headers, Mapping) else headers)
            # A number among them would make the whole reply unreadable, and a safe call be tried again for it.
            self.headers += [(name.lower(), str(value)) for name, value in pairs]

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> "Response":
        """Send the client elsewhere."""
        return cls(b"", status, [("location", location)])

    @classmethod
    def problem(cls, status: int, code: str, message: str) -> "Response":
        """Answer with an error in the mesh's own JSON form."""
        return cls({"error": {"code": code, "message": message, "cause": None}}, status)


def respond(value: Any) -> Response:
    """Return the response that a handler's value stands for."""
    return value if isinstance(value, Response) else Response(value)


class Reply:
    """What a called service answered."""

    __slots__ = ("_frame",)

    def __init__(self, frame: ReplyFrame) -> None:
        self._frame = frame

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._frame.status

    @property
    def ok(self) -> bool:
        """True for a status of 200 to 299."""
        return 200 <= self._frame.status < 300

    @property
    def fallback(self) -> str:
        """What the mesh gave in place of the service's own answer, which failed: `last-good`, `fixed`, `empty`,
        `elsewhere`; empty for the service's own."""
        if not self._frame.degraded:
            return ""
        return next((value for name, value in self._frame.headers if name == FALLBACK), "")

    @property
    def degraded(self) -> tuple[str, ...]:
        """Fallbacks that this answer is from or was made with, each as `service/kind`; empty where all went well."""
        return self._frame.degraded

    @property
    def headers(self) -> HeaderView:
        """The answer's header fields."""
        return HeaderView(self._frame.headers)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return self._frame.body

    def read(self, into: type[T]) -> T:
        """Return the JSON of a 2xx answer as a value of this type.

        Raises:
            BadStatus, BadReply: the status is not 2xx, or the body is not of that type.
        """
        if not self.ok:
            raise BadStatus(self.status, self.body)
        try:
            read: T = _decoder(into).decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadReply(f"the answer is no {getattr(into, '__name__', into)}: {error}") from error
        return read

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            msgspec.DecodeError: it is none.
        """
        return msgspec.json.decode(self._frame.body)
