"""The kinds of policy as people type them: `virtualservice`, `VirtualServices` and `vs` are all `VirtualService`."""

_SHORT = {"vs": "VirtualService", "dr": "DestinationRule", "gw": "Gateway", "se": "ServiceEntry"}


def kinds() -> tuple[str, ...]:
    """Return the kinds that can be in force."""
    from ..actors.policy.kind import KINDS

    return tuple(KINDS)


def is_kind(text: str) -> bool:
    """Return whether documents of the kind `text` can be in force."""
    return text in kinds()


def kind_of(text: str) -> str:
    """Return the kind that `text` means; what means none is returned as it is, for the engine to judge."""
    from ..actors.policy.kind import KINDS

    word = text.lower()
    names = {name.lower(): name for name in KINDS}
    singular = f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
    return names.get(word) or names.get(singular) or _SHORT.get(word, text)
