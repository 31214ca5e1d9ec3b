"""What a mesh that starts is given of policy: the file's, or Bookinfo's where it has none yet."""

from typing import Any, cast

import msgspec

from ..actors.bus.ask import Asker
from ..actors.messages.error import StartFailed
from ..examples.bookinfo.policies import first_policy
from .node import Node
from .options import UpOptions

LIMIT = 10.0
"""Seconds for the policy engine's answer."""


class PolicyRefused(StartFailed):
    """The policy engine does not take it; each reason is one of `problems`, as its answer has them."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        told = "; ".join(
            f"{one.get('document', '')} {one.get('path', '')}: {one.get('message', '')}" for one in problems
        )
        super().__init__(f"the first policy was refused: {told}")
        self.problems = problems


async def apply_first(node: Node, options: UpOptions) -> None:
    """Apply what `options` say; to a mesh with Bookinfo and without any policy the gateway's routes to it.

    Raises:
        PolicyRefused: the policy engine does not take it.
        MeshError: it does not answer.
    """
    if options.policy:
        await _apply(node, options.policy)
        return
    if "bookinfo" in options.app:
        await node.link.data.flush()
        if not node.proxy.snapshot.revision:
            await _apply(node, first_policy())


async def _apply(node: Node, text: str) -> None:
    link = node.link
    asker = Asker(link.data, link.subjects, f"{node.name}-first", link.deadlines)
    try:
        answer = await asker.ask("policy", link.subjects.user("policy", "apply"), text.encode(), LIMIT)
    finally:
        asker.close()
    errors = msgspec.json.decode(answer).get("errors")
    if errors:
        raise PolicyRefused([cast("dict[str, Any]", one) for one in errors if isinstance(one, dict)])
