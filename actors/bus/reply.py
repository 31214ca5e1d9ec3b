"""Where an answer may go: the asker names the subject, so it is looked at before anything is published on it."""

from ..messages.error import InvalidName
from ..messages.subject import Subjects

_DOTS = 6
"""In the subject of a reply: `plait.<mesh>.nrsp.<callee>.<caller>.<connection>.<number>`."""


def may_answer(subjects: Subjects, reply: bytes, callee: str = "", caller: str = "") -> bool:
    """Return whether `callee` may answer on `reply`.

    Without this, whoever asks could have an actor that owns many rights publish anywhere (the confused deputy). Inside
    the mesh's tree only replies are allowed, for nodes those of `callee` to `caller`; users (no callee) may also name
    an inbox of their own, outside the tree.
    """
    if not callee:
        root = subjects.prefix.encode()
        return (
            bool(reply)
            and not reply.startswith(b"$")
            and (not reply.startswith(b"plait.") or reply.startswith(root + b"nrsp."))
        )
    try:
        return is_reply(reply, reply_start(subjects, callee, caller))
    except InvalidName:
        return False


def reply_start(subjects: Subjects, callee: str, caller: str = "") -> bytes:
    """Return how all subjects begin on which `callee` may answer `caller`, or anybody where that is empty.

    Together with `is_reply` it is what `may_answer` looks at, in two steps for those who keep the first one's result.

    Raises:
        InvalidName: one of the names is more than one token.
    """
    if "." in callee or "." in caller:
        raise InvalidName(f"{callee!r} and {caller!r} are not one token each")
    names = f"{callee}.{caller}" if caller else callee
    return f"{subjects.prefix}nrsp.{names}.".encode()


def is_reply(reply: bytes, start: bytes) -> bool:
    """Return whether `reply` is the subject of a reply that begins with `start`."""
    return reply.startswith(start) and reply.count(b".") == _DOTS
