"""Runs a node as a process: event loop, signals, what it prints."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

from ..actors.messages.error import MeshError
from ..actors.runtime.context import current
from ..tracing import log
from .health import watch
from .node import Node
from .options import NodeOptions


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on the fastest event loop at hand until it returns."""
    log.configure("WARNING")
    gc.freeze()  # what is loaded by now stays; the collector need not look at it again
    gc.set_threshold(20_000, 20, 50)  # a call makes many short-lived objects and no cycles: the default looks too often

    async def entry() -> None:
        await main()

    if sys.platform == "win32":
        asyncio.run(entry())
    else:
        import uvloop

        uvloop.run(entry())


def identify(node: str, level: str, form: str) -> None:
    """Log from now on as a node of that name: JSON lines say who works, and for which request."""
    log.configure(level, as_json=form == "json", trace=_trace, fixed={"node": node}, actor=_actor)


def _trace() -> str:
    work = current.get(None)
    return "" if work is None else work.traceparent


def _actor() -> str:
    work = current.get(None)
    return "" if work is None else work.instance


def stop_signal() -> "asyncio.Future[None]":
    """Return what is done at the first SIGINT or SIGTERM; a later one ends the process as if nobody had asked.

    The same signal again within a second counts as one: some senders signal the process and then its group.
    """
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[None] = loop.create_future()

    def ask(number: int) -> None:
        if not asked.done():
            asked.set_result(None)
            loop.call_later(1.0, loop.remove_signal_handler, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)
    return asked


def run_node(options: NodeOptions) -> None:
    """Run one node as this process; see `node`."""
    run(lambda: node(options))


async def node(options: NodeOptions) -> None:
    """Run one node until a signal, its failure, or `plait drain`; print `ready` when it can be called.

    Raises:
        MeshError: it could not start, or its supervisor gave up.
    """
    asked = stop_signal()
    running = Node(options)
    identify(running.name, options.log_level, options.log_format)
    starting = asyncio.ensure_future(running.start())
    try:
        await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait((starting,))
            return
        starting.result()
        running.health = watch(running.telemetry.metrics)
        for url in running.http:
            print(f"http   {url}")
        if running.admin:
            print(f"admin  {running.admin}")
        if running.dns:
            print(f"dns    {running.dns}")
        gc.freeze()  # what the roles have loaded since stays too
        print("ready", flush=True)
        ends = asked, running.failed, running.departure.drained
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await running.stop()
    if running.failed.done():
        raise MeshError(str(running.failed.result()))
