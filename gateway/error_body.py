"""How the gateway says no: the JSON body of an error, and the refusal of a request that never reached a route."""

import msgspec

from ..actors.messages.error import Code

JSON = "application/json"

_encode = msgspec.json.Encoder().encode

CODES: dict[int, Code] = {
    400: Code.INVALID_ARGUMENT,
    401: Code.PERMISSION_DENIED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.ABORTED,
    412: Code.FAILED_PRECONDITION,
    413: Code.INVALID_ARGUMENT,
    414: Code.INVALID_ARGUMENT,
    417: Code.FAILED_PRECONDITION,
    421: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
    431: Code.INVALID_ARGUMENT,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
    505: Code.UNIMPLEMENTED,
}
"""The code that a status means where nobody says otherwise."""


class Refusal(Exception):
    """The request is refused before any route is asked; the connection closes after the answer."""

    def __init__(self, status: int, message: str, cause: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.cause = cause


def default_code(status: int) -> Code:
    """The code that belongs to an HTTP status; statuses without an entry count by their class."""
    return CODES.get(status) or (Code.INVALID_ARGUMENT if status < 500 else Code.INTERNAL)


def error_body(code: Code, message: str, cause: str = "") -> bytes:
    """The JSON of one error: `{"error": {"code", "message", "cause"}}`.

    `message` is a sentence for people, `cause` a word for programs that tells errors of one code apart.
    """
    return _encode({"error": {"code": code.value, "message": message, "cause": cause}})


def status_body(status: int, message: str, cause: str = "") -> bytes:
    """The JSON of an error that is known by its HTTP status alone."""
    return error_body(default_code(status), message, cause)
