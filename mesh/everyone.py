"""The metrics of every node by way of the bus: what one node answers, and how another one gathers all of them."""

import asyncio
import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..actors.bus.user_request import number_field, text_field
from ..actors.messages.error import MeshError, Refused
from ..actors.proxy.proxy import Proxy
from ..tracing.calls import BUCKETS, CAUSES, Calls
from ..tracing.metrics import Metrics
from ..tracing.page import join
from .link import Link

PAGE = 256 * 1024
"""Bytes of ways in one answer; the next page begins at `next`."""

PATIENCE = 1.0
"""Seconds for a node's answer."""

AT_ONCE = 32
"""Nodes that are asked at the same time."""

LARGEST = 64 * 1024 * 1024
"""Bytes of one node's page."""

Item = dict[str, Any]


def told(metrics: Metrics, node: str, uptime: Callable[[], float], request: Mapping[str, Any]) -> Item:
    """Answer `{"what": "calls" | "text", "offset": 0}`: what went which way, or the Prometheus text, packed.

    Raises:
        Refused: the question is badly made.
    """
    what, first = text_field(request, "what"), number_field(request, "offset", 0)
    if what == "text":
        text = base64.b64encode(zlib.compress(metrics.render(), 1)).decode()
        return {"node": node, "encoding": "zlib+base64", "text": text}
    if what != "calls":
        raise Refused("`what` is neither `calls` nor `text`")
    answer: Item = {"node": node, "uptime": round(uptime(), 3), "bounds": BUCKETS, "items": []}
    size = 0
    for place, calls in enumerate(metrics.all_calls()[first:], first):
        item = _item(calls)
        size += len(msgspec.json.encode(item))
        if answer["items"] and size > PAGE:
            answer["next"] = place
            break
        answer["items"].append(item)
    return answer


def _item(calls: Calls) -> Item:
    way = calls.way
    codes: dict[str, int] = {}
    for key, count in calls.counts.items():
        code = str(key // CAUSES)
        codes[code] = codes.get(code, 0) + count
    return {
        "reporter": way.reporter,
        "source": way.source.service,
        "source_version": way.source.version,
        "destination": way.destination.service,
        "version": way.destination.version,
        "subset": way.subset,
        "route": way.route,
        "protocol": way.protocol,
        "codes": codes,
        "buckets": calls.buckets,
        "seconds": calls.seconds,
    }


class Everyone:
    """Asks all nodes that have something in the registry."""

    def __init__(self, link: Link, proxy: Proxy, metrics: Metrics) -> None:
        self._link = link
        self._proxy = proxy
        self._metrics = metrics

    async def page(self) -> bytes:
        """Return the Prometheus text of all nodes; who does not answer within a second is left out, and named."""
        own = self._link.node
        nodes = sorted({instance.node for instance in self._proxy.instances.values()} - {own})
        gate = asyncio.Semaphore(AT_ONCE)
        texts = await asyncio.gather(*(self._ask(node, gate) for node in nodes))
        pages = {own: self._metrics.render().decode()}
        pages |= {node: text for node, text in zip(nodes, texts, strict=True) if text is not None}
        return join(pages, [node for node in nodes if node not in pages])

    async def _ask(self, node: str, gate: asyncio.Semaphore) -> str | None:
        link = self._link
        async with gate:
            try:
                answer = await link.asker.ask(node, link.subjects.user("metrics", node), b'{"what":"text"}', PATIENCE)
                packed = base64.b64decode(msgspec.json.decode(answer, type=_Packed).text)
                return zlib.decompressobj().decompress(packed, LARGEST).decode()
            except (MeshError, msgspec.MsgspecError, ValueError, zlib.error):
                return None  # it has gone, is too busy to say, or of an earlier release


class _Packed(msgspec.Struct):
    text: str
