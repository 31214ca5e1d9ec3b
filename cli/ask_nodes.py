"""One question to many nodes at once: their answers, page by page, and who gave none."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .exit import CommandError
from .output import Item

if TYPE_CHECKING:
    from .connection import Visit

AT_ONCE = 50
"""Nodes that are asked at the same time."""


async def ask_nodes(
    there: "Visit", nodes: Iterable[str], subject: str, question: dict[str, Any]
) -> tuple[dict[str, Item], list[str]]:
    """Ask every node on `<subject>.<node>`; return their answers with all `items`, and who gave none."""
    from .connection import check, items

    gate = asyncio.Semaphore(AT_ONCE)

    async def one(node: str) -> Item | None:
        whole: Item = {}
        found: list[Item] = []
        asked = dict(question)
        async with gate:
            while True:
                try:
                    answer = check(await there.ask(f"{subject}.{node}", asked))
                except CommandError:  # it has gone, is too busy to say, or of an earlier release
                    return None
                found += items(answer)
                whole = whole or answer
                if not isinstance(answer.get("next"), int):
                    return {**whole, "items": found}
                asked["offset"] = answer["next"]

    names = sorted(set(nodes))
    answers = await asyncio.gather(*(one(node) for node in names))
    said = {node: answer for node, answer in zip(names, answers, strict=True) if answer is not None}
    return said, [node for node in names if node not in said]
