"""A policy document: what one text of the user holds, before anyone asks whether it makes sense."""

from collections.abc import Iterator
from typing import Any

from ..loop.slice import Steps, at_once
from .problem import Path, Problem, ProblemCode, render
from .source import Unreadable, as_list, as_mapping, nodes, plain

MOST_DOCUMENTS = 20_000
"""Documents of one text, the items of lists counted."""


class Document:
    """One document of a text: plain values and the lines where they stand."""

    __slots__ = ("api_version", "body", "kind", "lines", "name", "namespace", "number", "offset")

    def __init__(self, body: dict[str, Any], lines: dict[Path, int], number: int, offset: Path = ()) -> None:
        self.body = body
        self.lines = lines
        """Line (from 1) of every value by its path in the text's document; a list's items share their list's."""
        self.number = number
        """Its place in the text, from 1."""
        self.offset = offset
        """Where it stands in a `kind: List`."""
        fields = as_mapping(body.get("metadata")) or {}
        self.api_version = _text(body.get("apiVersion"))
        self.kind = _text(body.get("kind"))
        self.name = _text(fields.get("name"))
        self.namespace = _text(fields.get("namespace")) or "default"

    @property
    def key(self) -> str:
        """`Kind/namespace/name`, or `#2` for the second document when it has no kind or no name."""
        return f"{self.kind}/{self.namespace}/{self.name}" if self.kind and self.name else f"#{self.number}"

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the nearest thing around it that is there; 0 without a text."""
        full = self.offset + path
        while full not in self.lines and full:
            full = full[:-1]
        return self.lines.get(full, 0)

    def line_of(self, path: str) -> int:
        """Return the line of a path written as in a problem, such as `$.spec.http[0]`; 0 where nothing stands."""
        skip = len(self.offset)
        for known, line in self.lines.items():
            if known[:skip] == self.offset and render(known[skip:]) == path:
                return line
        return 0


LISTS = ("List", "PolicyList")


def read_documents(text: str | bytes) -> tuple[list[Document], list[Problem]]:
    """Return the documents in `text` and what makes it unreadable (then the documents before that place).

    Several documents are divided by `---`; empty ones and those of comments alone are left out; a `kind: List` gives
    its items, and so does the list that `plait get -o json` writes.
    """
    return at_once(reading(text))


def reading(text: str | bytes) -> Steps[tuple[list[Document], list[Problem]]]:
    """See `read_documents`; rests after each document."""
    documents: list[Document] = []
    started = 0
    try:
        for node in nodes(_decoded(text)):
            yield
            started += 1
            lines: dict[Path, int] = {}
            if (whole := plain(node, lines)) is None:
                continue
            value = as_mapping(whole)
            if value is None:
                raise Unreadable("a policy document must be a mapping", node.line)
            for item, offset in _items(value):
                body = as_mapping(item)
                if body is None:
                    raise Unreadable("an item of a List must be a mapping", lines[offset], path=offset)
                if len(documents) >= MOST_DOCUMENTS:
                    raise Unreadable(f"more than {MOST_DOCUMENTS} documents", lines[offset], "too_large")
                documents.append(Document(body, lines, len(documents) + 1, offset))
    except Unreadable as error:
        place = f"#{max(started, 1)}"
        problem = Problem(ProblemCode(error.code).value, place, render(error.path), error.line, str(error))
        return documents, [problem]
    return documents, []


def _items(value: dict[str, Any]) -> Iterator[tuple[Any, Path]]:
    items = as_list(value.get("items"))
    if value.get("kind") in LISTS and items is not None:
        for place, item in enumerate(items):
            yield item, ("items", place)
    else:
        yield value, ()


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("the text is not UTF-8", text.count(b"\n", 0, error.start) + 1) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
