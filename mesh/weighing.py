"""Lets the weight of this node's instances be changed by who asks on `weight.<node>`: all callers heed it at once."""

import asyncio
import math
from collections.abc import Mapping
from typing import Any

from ..actors.bus.bus import Subscription
from ..actors.bus.reply import may_answer
from ..actors.bus.user_request import parse, refusal, send_json, text_field
from ..actors.messages.error import MeshError, Refused
from ..actors.messages.instance import HEAVIEST
from ..actors.runtime.cell import Cell
from .enrolment import Weigh, tell_registry
from .link import Link

LIMIT = 3.0
"""Seconds that the registry may take."""


class Weighing:
    """One node's. Who asks is answered when the registry has the weight."""

    def __init__(self, link: Link, membership: Cell) -> None:
        """Listen from now on."""
        self._link = link
        self._membership = membership
        self._under_way: dict[asyncio.Task[None], None] = {}
        subject = link.subjects.user("weight", link.node)
        self._subscription: Subscription = link.control.subscribe(subject, self._asked, link.node.encode())

    async def close(self) -> None:
        """Listen no more."""
        self._subscription.unsubscribe()
        for task in list(self._under_way):
            task.cancel()

    def _asked(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        if reply and not may_answer(self._link.subjects, reply):
            return
        try:
            question = parse(payload)
            step = Weigh(text_field(question, "instance"), weight_of(question.get("weight")))
        except MeshError as error:
            send_json(self._link.control, reply, refusal(error))
            return
        task = self._link.ground.loop.create_task(self._weigh(step, reply), name="weigh")
        self._under_way[task] = None
        task.add_done_callback(self._under_way.pop)

    async def _weigh(self, step: Weigh, reply: bytes) -> None:
        try:
            await tell_registry(self._membership, step, LIMIT)
            answer: Mapping[str, Any] = {"node": self._link.node, "instance": step.id, "weight": step.weight}
        except MeshError as error:
            answer = refusal(error)
        send_json(self._link.control, reply, answer)


def weight_of(value: object) -> float:
    """Return a weight.

    Raises:
        Refused: it is no number from 0 to `HEAVIEST`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("`weight` is no number")
    if not 0 <= value <= HEAVIEST:
        raise Refused(f"a weight is a number from 0 to {HEAVIEST:.0f}, not {value:g}")
    return float(value)
