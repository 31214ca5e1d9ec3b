"""The last good answers of one destination, to be given again where it fails: bounded in number, bytes and age."""

from collections import OrderedDict
from typing import NamedTuple

import msgspec

from ..messages.envelope import ReplyFrame
from ..messages.fallback import LastGood
from .call import Call
from .idempotence import SAFE_METHODS
from .keeping import KEPT_METHODS, keep_for, varies

Target = tuple[str, str, str]
"""Authority, path and query."""
Key = tuple[str, ...]

_ALWAYS = ("cookie", "authorization")
"""Fields that tell who asks, whatever rule and answer say: one user's page is not another one's."""
_OVERHEAD = 512
"""Bytes that an entry counts for besides what it holds."""


class Kept(NamedTuple):
    """One answer."""

    reply: ReplyFrame
    """Of its own: nobody changes its headers."""
    at: float
    """Loop time of its coming."""
    until: float
    size: int
    target: Target


class _Known(msgspec.Struct, eq=False):
    """What is known of one target."""

    names: tuple[str, ...]
    """What its answers depend on, as the last one said."""
    keys: set[Key]


class LastAnswers:
    """Keeps what a destination answered; what was not asked for longest goes first."""

    def __init__(self, policy: LastGood) -> None:
        self._policy = policy
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._targets: dict[Target, _Known] = {}
        self.size = 0
        """Bytes."""

    def __len__(self) -> int:
        return len(self._kept)

    def use(self, policy: LastGood) -> None:
        """Keep by this policy from now on; what it has no place for goes at once."""
        if policy.vary != self._policy.vary:
            self._kept.clear()
            self._targets.clear()
            self.size = 0
        self._policy = policy
        self._shrink()

    def note(self, call: Call, reply: ReplyFrame, now: float) -> None:
        """Take notice of an answer: keep it, or forget what it makes untrue."""
        target = (call.authority, call.path, call.query)
        known = self._targets.get(target)
        if call.method not in KEPT_METHODS:
            if known is not None and call.method not in SAFE_METHODS and reply.status < 400:
                for key in tuple(known.keys):  # what was changed is no longer as it was answered
                    self._drop(key)
            return
        seconds = keep_for(call, reply, self._policy.max_age)
        if seconds <= 0:
            if known is not None and (reply.status < 300 or reply.status in (404, 410)):
                self._drop(self._key(call, known.names))  # it is gone, or must not be kept any more
            return
        names = varies(reply.headers)
        key = self._key(call, names)
        held = sum(len(name) + len(value) for name, value in reply.headers)
        size = _OVERHEAD + len(reply.body) + held + sum(map(len, key))
        self._drop(key)
        if size > self._policy.size:
            return
        known = self._targets.setdefault(target, _Known(names, set()))
        known.names = names
        known.keys.add(key)
        own = msgspec.structs.replace(reply, headers=list(reply.headers), load=None, decision=b"", spent=0)
        self._kept[key] = Kept(own, now, now + seconds, size, target)
        self.size += size
        self._shrink()

    def find(self, call: Call, now: float) -> Kept | None:
        """Return the last good answer to this request, None where there is none that may still be given."""
        known = self._targets.get((call.authority, call.path, call.query))
        if known is None:
            return None
        key = self._key(call, known.names)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.until or now - kept.at > self._policy.max_age:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def _key(self, call: Call, names: tuple[str, ...]) -> Key:
        wanted = (*_ALWAYS, *self._policy.vary, *names)
        values = dict.fromkeys(wanted, "")
        for name, value in call.headers:
            if name in values:
                values[name] += f"{value}\n"
        for name in wanted:
            if name in call.baggage:
                values[name] = call.baggage[name]
        return (call.method, call.authority, call.path, call.query, *(f"{k}:{v}" for k, v in values.items()))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.size -= kept.size
        known = self._targets[kept.target]
        known.keys.discard(key)
        if not known.keys:
            del self._targets[kept.target]

    def _shrink(self) -> None:
        while self._kept and (len(self._kept) > self._policy.entries or self.size > self._policy.size):
            self._drop(next(iter(self._kept)))
