"""Which interests cover a subject: a tree of tokens with NATS's wildcards `*` and `>`."""

from typing import Generic, TypeVar

from .bus import Deliver

Owner = TypeVar("Owner")


class Interest(Generic[Owner]):
    """One subscription; compared by identity."""

    __slots__ = ("deliver", "owner", "queue", "subject")

    def __init__(self, owner: Owner, subject: bytes, queue: bytes, deliver: Deliver) -> None:
        self.owner = owner
        self.subject = subject
        self.queue = queue
        self.deliver = deliver


class _Node(Generic[Owner]):
    __slots__ = ("children", "here", "rest")

    def __init__(self) -> None:
        self.children: dict[bytes, _Node[Owner]] = {}
        # Dictionaries for their order: what is delivered first must not differ from run to run.
        self.here: dict[Interest[Owner], None] = {}
        self.rest: dict[Interest[Owner], None] = {}


class Router(Generic[Owner]):
    """Finds the interests that cover a subject in time proportional to its tokens, not to the interests."""

    def __init__(self) -> None:
        self._root: _Node[Owner] = _Node()

    def add(self, interest: Interest[Owner]) -> None:
        """Take an interest in."""
        node = self._root
        for token in interest.subject.split(b"."):
            if token == b">":
                node.rest[interest] = None
                return
            node = node.children.setdefault(token, _Node())
        node.here[interest] = None

    def remove(self, interest: Interest[Owner]) -> None:
        """Take an interest out, and the branches that it leaves empty."""
        path: list[tuple[_Node[Owner], bytes]] = []
        node = self._root
        for token in interest.subject.split(b"."):
            if token == b">":
                break
            path.append((node, token))
            node = node.children[token]
        node.here.pop(interest, None)
        node.rest.pop(interest, None)
        while path and not (node.children or node.here or node.rest):
            parent, token = path.pop()
            del parent.children[token]
            node = parent

    def match(self, subject: bytes) -> list[Interest[Owner]]:
        """Return the interests that cover `subject`."""
        found: list[Interest[Owner]] = []
        level = [self._root]
        for token in subject.split(b"."):
            below: list[_Node[Owner]] = []
            for node in level:
                found.extend(node.rest)
                for name in (token, b"*"):
                    child = node.children.get(name)
                    if child is not None:
                        below.append(child)
            level = below
        for node in level:
            found.extend(node.here)
        return found
