"""Where a thread is: whose code it runs, and its innermost lines of source, taken while it runs on."""

import asyncio
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import msgspec

LINES = 12
"""Frames that a stack shows."""

_HERE = str(Path(__file__).parent)
_ASYNCIO = str(Path(asyncio.__file__).parent)
_TURN = frozenset({"_run", "_run_once", "run_forever", "run_until_complete", "run"})
"""Functions of asyncio that call what is due; what stands outside of them is the same in every stack."""


class Seen(msgspec.Struct, frozen=True):
    """What a look at a thread has found."""

    who: str
    """Whose code runs; empty where nobody's is known."""
    stack: str
    """The innermost frames, outermost first, in the form of a traceback; no line break at the end."""


def look(thread: int, who: Callable[[object], str | None]) -> Seen:
    """Look at the thread of this number once, and keep nothing of it but text.

    Args:
        thread: as `threading.get_ident` tells it.
        who: names an object, None where it is nobody; asked of the `self` of each method, innermost first. It runs in
            the looker's thread.
    """
    found, lines = _walk(sys._current_frames().get(thread), who)  # pyright: ignore[reportPrivateUsage]
    # Only now may files be read: meanwhile the thread goes on.
    summary = traceback.StackSummary.from_list(lines[:LINES][::-1])
    return Seen(found, "".join(summary.format()).rstrip("\n"))


def _walk(frame: FrameType | None, who: Callable[[object], str | None]) -> tuple[str, list[tuple[str, int, str, None]]]:
    found: str | None = None
    lines: list[tuple[str, int, str, None]] = []
    while frame is not None:
        code = frame.f_code
        if code.co_name in _TURN and code.co_filename.startswith(_ASYNCIO):
            break
        # Asked for its locals, a frame makes a dictionary that lives as long as it does: so only methods are asked.
        if found is None and code.co_argcount and code.co_varnames[0] == "self":
            found = who(frame.f_locals.get("self"))
        if not code.co_filename.startswith(_HERE):
            lines.append((code.co_filename, frame.f_lineno, code.co_name, None))
        frame = frame.f_back
    return found or "", lines
