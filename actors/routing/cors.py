"""What browsers are told about requests from other origins, compiled."""

from ..messages.envelope import Headers
from ..messages.rule import Cors, MatchKind
from .matcher import predicate
from .view import RequestView


class CrossOrigin:
    """One CORS policy."""

    __slots__ = ("_always", "_anybody", "_forward", "_origins", "_preflight")

    def __init__(self, policy: Cors) -> None:
        self._anybody = any(one.kind is MatchKind.EXACT and one.value == "*" for one in policy.origins)
        self._origins = [predicate(one) for one in policy.origins]
        self._forward = policy.forward_unmatched
        self._always: Headers = []
        if policy.credentials:
            self._always.append(("access-control-allow-credentials", "true"))
        self._preflight = [*self._always]
        for name, values in (("methods", policy.methods), ("headers", policy.headers)):
            if values:
                self._preflight.append((f"access-control-allow-{name}", ",".join(values)))
        if policy.max_age is not None:
            self._preflight.append(("access-control-max-age", str(int(policy.max_age))))
        if policy.expose:
            self._always.append(("access-control-expose-headers", ",".join(policy.expose)))

    def fields(self, view: RequestView) -> Headers:
        """Return the fields for the answer to a request; none where it is from no other origin, or none allowed."""
        origin = _field(view, "origin")
        return [("access-control-allow-origin", origin), *self._always] if self._allowed(origin) else []

    def preflight(self, view: RequestView) -> Headers | None:
        """Return the fields of the answer to a preflight, None where the request is none that is answered here."""
        if view.method != "OPTIONS":
            return None
        origin = _field(view, "origin")
        if not origin or not _field(view, "access-control-request-method"):
            return None
        if self._allowed(origin):
            return [("access-control-allow-origin", origin), *self._preflight]
        return None if self._forward else []

    def _allowed(self, origin: str) -> bool:
        return bool(origin) and (self._anybody or any(holds(origin) for holds in self._origins))


def _field(view: RequestView, name: str) -> str:
    for key, value in view.headers:
        if key == name:
            return value
    return ""
