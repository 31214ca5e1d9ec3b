"""Where an answer may go: the asker names the subject, so it is looked at before anything is published on it."""

from ..messages.subject import Subjects


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
    tokens = reply.split(b".")
    wanted = [*subjects.prefix.encode().split(b".")[:-1], b"nrsp", callee.encode()]
    if caller:
        wanted.append(caller.encode())
    return len(tokens) == 7 and tokens[: len(wanted)] == wanted
