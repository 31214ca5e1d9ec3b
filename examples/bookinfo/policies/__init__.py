"""Bookinfo's policies as files, and the bundle that `plait up` starts with."""

from pathlib import Path

_FOLDER = Path(__file__).parent
_FIRST = ("gateway.yaml", "destination-rules.yaml")


def first_policy() -> str:
    """The YAML of the gateway, its routes and all subsets: what Bookinfo needs before anyone changes a rule."""
    return "---\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _FIRST)
