"""The context of the call in hand: what travels on by itself when a handler calls further services."""

from collections.abc import Iterator, MutableMapping

from ..messages.error import InvalidName
from ..runtime.context import current


class Baggage(MutableMapping[str, str]):
    """The calling context's baggage: read it, set it, and whatever is called from here on sees it."""

    def __getitem__(self, name: str) -> str:
        return _held()[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        if not value.isprintable() or not name.isascii() or not name.replace("-", "").isalnum():
            raise InvalidName(f"baggage {name!r}: {value!r} cannot travel as a header")
        _held()[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del _held()[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(_held())

    def __len__(self) -> int:
        return len(_held())


def _held() -> dict[str, str]:
    context = current.get(None)
    return {} if context is None else context.baggage
