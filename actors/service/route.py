"""Routes of a service: which handler takes which method and path, and what it is called with."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast, get_type_hints
from urllib.parse import unquote

import msgspec

from .request import Request

F = TypeVar("F", bound=Callable[..., Any])
Fill = Callable[[Request], Any]
"""Makes one argument from a request; raises BadArgument for one that does not fit."""

MARK = "__plait_routes__"


class BadArgument(ValueError):
    """The request does not fit the handler's arguments."""


def route(method: str, template: str) -> Callable[[F], F]:
    """Have the decorated method handle requests like `GET /ratings/{product_id}`."""
    if not template.startswith("/"):
        raise ValueError(f"route {template!r} does not start with '/'")
    for part in template.split("/"):
        if ("{" in part or "}" in part) and not (part[0] == "{" and part[-1] == "}" and part[1:-1].isidentifier()):
            raise ValueError(f"route {template!r}: a parameter is a whole segment like {{name}}, not {part!r}")

    def mark(function: F) -> F:
        routes: list[tuple[str, str]] = getattr(function, MARK, [])
        setattr(function, MARK, [*routes, (method.upper(), template)])
        return function

    return mark


def get(template: str) -> Callable[[F], F]:
    """Handle GET, and HEAD with it."""
    return route("GET", template)


def post(template: str) -> Callable[[F], F]:
    """Handle POST."""
    return route("POST", template)


def put(template: str) -> Callable[[F], F]:
    """Handle PUT."""
    return route("PUT", template)


def patch(template: str) -> Callable[[F], F]:
    """Handle PATCH."""
    return route("PATCH", template)


def delete(template: str) -> Callable[[F], F]:
    """Handle DELETE."""
    return route("DELETE", template)


class Endpoint:
    """One handler and how its arguments are made."""

    __slots__ = ("_fills", "bare", "function", "name", "template")

    def __init__(self, function: Callable[..., Any], method: str, template: str) -> None:
        self.function = function
        self.template = template
        self.name = f"{method} {template}"
        hints = get_type_hints(function)
        names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
        self._fills: list[Fill] = []
        parameters = list(inspect.signature(function).parameters)[1:]
        for name in parameters:
            self._fills.append(_fill(name, hints.get(name, str), name in names))
        self.bare = not parameters
        """Whether the handler wants to know nothing of the request."""
        for name in names:
            if name not in parameters:
                raise TypeError(f"{function.__qualname__}: path parameter {name!r} of {template!r} is not an argument")

    def call(self, service: object, request: Request) -> Any:
        """Call the handler.

        Raises:
            BadArgument: an argument does not fit its type.
        """
        return self.function(service, *[fill(request) for fill in self._fills])


def _fill(name: str, kind: Any, in_path: bool) -> Fill:
    if kind is Request:
        return lambda request: request
    if in_path and kind is str:
        return lambda request: request.params[name]
    if in_path:
        return lambda request: _convert(name, request.params[name], kind)
    decode = msgspec.json.Decoder(kind).decode

    def read(request: Request) -> Any:
        try:
            return decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadArgument(f"the body does not fit: {error}") from None

    return read


def _convert(name: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadArgument(f"{name}: {error}") from None


class Router:
    """All routes of a service. Fixed paths are found at once, templates by their number of segments."""

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._templates: dict[int, list[tuple[list[str], dict[str, Endpoint]]]] = {}

    def add(self, method: str, template: str, function: Callable[..., Any]) -> None:
        """Take in one route; GET answers HEAD too, unless HEAD has its own."""
        endpoint = Endpoint(function, method, template)
        methods = self._methods(template)
        if method in methods and methods[method].template == template and methods[method].name == endpoint.name:
            raise TypeError(f"two handlers for {endpoint.name}")
        methods[method] = endpoint
        if method == "GET":
            methods.setdefault("HEAD", endpoint)

    def _methods(self, template: str) -> dict[str, Endpoint]:
        if "{" not in template:
            return self._fixed.setdefault(template, {})
        parts = template.split("/")
        for known, methods in self._templates.setdefault(len(parts), []):
            if known == parts:
                return methods
        fresh: dict[str, Endpoint] = {}
        self._templates[len(parts)].append((parts, fresh))
        return fresh

    def find(self, path: str, method: str) -> tuple[Endpoint, dict[str, str]] | None:
        """Return the handler and the path's parameters, decoded; None where no route fits path and method."""
        fixed = self._fixed.get(path)
        if fixed is not None and method in fixed:
            return fixed[method], {}
        for params, methods in self._fits(path):
            if method in methods:
                return methods[method], params
        return None

    def allowed(self, path: str) -> set[str]:
        """Return the methods that a path takes, none where there is no such path."""
        found = set(self._fixed.get(path, ()))
        for _, methods in self._fits(path):
            found.update(methods)
        return found

    def _fits(self, path: str) -> Iterator[tuple[dict[str, str], dict[str, Endpoint]]]:
        parts = path.split("/")
        for template, methods in self._templates.get(len(parts), ()):
            params: dict[str, str] = {}
            for want, part in zip(template, parts, strict=True):
                if want.startswith("{"):
                    if not part:
                        break
                    params[want[1:-1]] = unquote(part) if "%" in part else part
                elif want != part:
                    break
            else:
                yield params, methods


def router_of(kind: type) -> Router:
    """Return the routes that a service class and its bases declare; a subclass's handler replaces its base's."""
    router = Router()
    seen: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        seen.update(vars(base))
    for function in seen.values():
        for method, template in cast("list[tuple[str, str]]", getattr(function, MARK, [])):
            router.add(method, template, function)
    return router
