"""Bundles that are larger than a message of the bus: they come in parts, all to the engine that took the first one.

The first part asks on `policy.apply` with the header `plait-parts: <n>` and is answered with `{"upload": <subject>}`,
which is this engine's alone. Each other part asks there with `plait-part: <k>`, k from 1; the answer to the one that
completes the bundle is that of an apply, the others get `{"received": <parts>}`.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from ..bus.bus import Bus, Subscription
from ..bus.reply import may_answer
from ..bus.user_request import refusal, send_json
from ..loop.timer import Deadline, Deadlines
from ..messages.error import MeshError, Overloaded, Refused
from ..messages.subject import Subjects
from .change import Asked, asked, said
from .source import LARGEST

PATIENCE = 10.0
"""Seconds that an upload may be silent."""
MOST = 8
"""Uploads under way at a time: what they hold is bounded."""
PARTS = 1024
"""Parts of one upload at most."""


class Uploads:
    """Puts bundles together."""

    def __init__(
        self,
        bus: Bus,
        subjects: Subjects,
        deadlines: Deadlines,
        clock: Callable[[], float],
        rng: random.Random,
        complete: Callable[[Asked], None],
    ) -> None:
        """`complete` takes each bundle that is whole; `clock` gives monotonic seconds on the loop's scale."""
        self._bus = bus
        self._subjects = subjects
        self._deadlines = deadlines
        self._clock = clock
        self._rng = rng
        self._complete = complete
        self._open: dict[str, _Upload] = {}

    def begin(self, payload: bytes, reply: bytes, fields: Mapping[bytes, bytes]) -> None:
        """Take the first part of a bundle and tell where the others go."""
        try:
            send_json(self._bus, reply, self._begun(payload, fields))
        except MeshError as error:
            send_json(self._bus, reply, refusal(error))

    def close(self) -> None:
        """Forget all that is not complete."""
        for token in list(self._open):
            self._forget(token)

    def _begun(self, payload: bytes, fields: Mapping[bytes, bytes]) -> dict[str, Any]:
        parts = _number(fields, b"plait-parts", PARTS)
        if parts < 2:
            raise Refused("`plait-parts` says how many parts there are: two or more")
        if len(self._open) >= MOST:
            raise Overloaded(f"{MOST} bundles are being sent already; try again")
        token = f"{self._rng.getrandbits(96):024x}"
        subject = self._subjects.user("policy", "upload", token)

        def deliver(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            if may_answer(self._subjects, reply):
                self._take(token, payload, reply, headers)

        upload = self._open[token] = _Upload(parts, fields, self._bus.subscribe(subject, deliver))
        try:
            upload.put(0, payload)
        except Refused:
            self._forget(token)
            raise
        self._wait(token, upload)
        return {"upload": subject.decode().removeprefix(self._subjects.prefix), "received": 1}

    def _take(self, token: str, payload: bytes, reply: bytes, headers: bytes) -> None:
        upload = self._open.get(token)
        if upload is None:
            return
        try:
            upload.put(_number(said(headers), b"plait-part", upload.parts - 1), payload)
        except Refused as error:
            self._forget(token)
            send_json(self._bus, reply, refusal(error))
            return
        if len(upload.received) < upload.parts:
            self._wait(token, upload)
            send_json(self._bus, reply, {"received": len(upload.received)})
            return
        self._forget(token)
        whole = b"".join(upload.received[part] for part in range(upload.parts))
        self._complete(asked("apply", whole, reply, upload.fields))

    def _wait(self, token: str, upload: "_Upload") -> None:
        if upload.patience is not None:
            upload.patience.cancel()
        upload.patience = self._deadlines.at(self._clock() + PATIENCE, lambda: self._forget(token))

    def _forget(self, token: str) -> None:
        upload = self._open.pop(token, None)
        if upload is not None:
            upload.subscription.unsubscribe()
            if upload.patience is not None:
                upload.patience.cancel()


class _Upload:
    def __init__(self, parts: int, fields: Mapping[bytes, bytes], subscription: Subscription) -> None:
        self.parts = parts
        self.fields = fields
        self.subscription = subscription
        self.received: dict[int, bytes] = {}
        self.patience: Deadline | None = None

    def put(self, part: int, payload: bytes) -> None:
        """Take one part in; a part that comes again changes nothing."""
        self.received.setdefault(part, payload)
        if sum(map(len, self.received.values())) > LARGEST:
            raise Refused(f"the bundle is larger than {LARGEST} bytes; divide it")


def _number(fields: Mapping[bytes, bytes], name: bytes, most: int) -> int:
    text = fields.get(name, b"")
    if not text.isdigit() or len(text) > 6 or not 0 <= int(text) <= most:
        raise Refused(f"`{name.decode()}` is no whole number between 0 and {most}")
    return int(text)
