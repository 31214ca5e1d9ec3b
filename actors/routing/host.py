"""Routes by host: which routes a host name has, and which of a host's many routes a path can match at all."""

from collections.abc import Iterable, Sequence

from ..messages.name import service_token
from ..messages.rule import MatchKind
from .matcher import without_port
from .route import Clause
from .view import RequestView

FEW = 8
"""Up to so many clauses are tried one after the other; above, an index by path picks those that can match."""


class HostRoutes:
    """The clauses of one host, in order; the first whose tests hold is taken."""

    __slots__ = ("_exact", "_indexed", "_lengths", "_prefix", "_rest", "clauses")

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = tuple(clauses)
        self._indexed = len(self.clauses) > FEW
        if not self._indexed:
            return
        self._exact: dict[str, list[tuple[int, Clause]]] = {}
        self._prefix: dict[str, list[tuple[int, Clause]]] = {}
        self._rest: list[tuple[int, Clause]] = []
        for place in enumerate(self.clauses):
            self._file(place)
        self._lengths = tuple(sorted({len(prefix) for prefix in self._prefix}))

    def _file(self, place: tuple[int, Clause]) -> None:
        match = place[1].match
        uri = match.uri
        if uri is not None and not match.ignore_uri_case and uri.kind is MatchKind.EXACT:
            self._exact.setdefault(uri.value, []).append(place)
        elif uri is not None and not match.ignore_uri_case and uri.kind is MatchKind.PREFIX and len(uri.value) > 1:
            self._prefix.setdefault(uri.value, []).append(place)
        else:
            self._rest.append(place)

    def first(self, view: RequestView) -> Clause | None:
        """Return the first clause that holds for `view`."""
        for clause in self._candidates(view.path) if self._indexed else self.clauses:
            for test in clause.tests:
                if not test(view):
                    break
            else:
                return clause
        return None

    def _candidates(self, path: str) -> Iterable[Clause]:
        """The clauses that `path` does not rule out, in order. One look-up per length that some prefix has."""
        found = list(self._exact.get(path, ()))
        size = len(path)
        for length in self._lengths:
            if length > size:
                break
            found += self._prefix.get(path[:length], ())
        if found:
            found += self._rest
            found.sort(key=_position)
            return [clause for _, clause in found]
        return (clause for _, clause in self._rest)


def _position(place: tuple[int, Clause]) -> int:
    return place[0]


class HostIndex:
    """Hosts with their routes: exact names first, then the longest wildcard, then `*`."""

    __slots__ = ("_any", "_exact", "_suffix")

    def __init__(self, routes: dict[str, HostRoutes]) -> None:
        self._exact: dict[str, HostRoutes] = {}
        self._suffix: dict[str, HostRoutes] = {}
        self._any = routes.get("*")
        for host, one in routes.items():
            if host.startswith("*."):
                self._suffix[host[2:]] = one
            elif host != "*":
                self._exact[host] = one

    def exactly(self, host: str) -> HostRoutes | None:
        """Return the routes of a host that is named in full."""
        return self._exact.get(host)

    def find(self, authority: str) -> HostRoutes | None:
        """Return the routes of the host in `authority`, whose port and letter case do not count."""
        found = self._exact.get(authority)
        if found is not None:
            return found
        if self._exact or self._suffix:
            host = without_port(authority).lower()
            found = self._exact.get(host)
            if found is not None:
                return found
            if self._suffix:
                dot = host.find(".")
                while dot >= 0:
                    found = self._suffix.get(host[dot + 1 :])
                    if found is not None:
                        return found
                    dot = host.find(".", dot + 1)
        return self._any


def covers(pattern: str, host: str) -> bool:
    """Return whether every name that `host` stands for is one of `pattern`'s."""
    if pattern in ("*", host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:]


def narrower(one: str, other: str) -> str | None:
    """Return what two host patterns have in common, which is always one of them or nothing."""
    if covers(one, other):
        return other
    return one if covers(other, one) else None


def narrowness(pattern: str) -> int:
    """Return a number that is greater for the narrower of two patterns that share a name; 0 for `*`."""
    if pattern.startswith("*"):
        return len(pattern) - 1
    return 1024


def spellings(host: str) -> tuple[str, ...]:
    """Return the names by which clients may ask for `host`: a service of the mesh has short ones too."""
    if not host.endswith(".svc.cluster.local") or host.startswith("*"):
        return (host.lower(),)
    name, space = host.split(".")[:2]
    short = (service_token(host),) if space == "default" else ()
    return (host, f"{name}.{space}.svc", f"{name}.{space}", *short)
