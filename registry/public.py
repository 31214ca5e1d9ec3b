"""What users may ask the registry, answered at once from its own copy: `registry.resolve` and the services API."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..actors.bus.bus import Bus, Subscription
from ..actors.bus.reply import may_answer
from ..actors.bus.user_request import UserSubjects, send_json, text_field
from ..actors.messages.instance import Connection, Instance
from ..actors.messages.load import LoadReport, figures
from ..actors.messages.name import called_token
from ..actors.messages.subject import Subjects
from .catalog import Catalog, key_of
from .services_api import answers, patterns


class PublicSubjects:
    """Serves users from a catalog."""

    def __init__(
        self,
        bus: Bus,
        subjects: Subjects,
        queue: bytes,
        catalog: Catalog,
        wall_clock: Callable[[], float],
        load: Callable[[str], LoadReport | None] = lambda key: None,
    ) -> None:
        """`wall_clock` gives seconds since 1970; `load` says how busy the instance of a key is, where it is known."""
        self._load = load
        self._bus = bus
        self._subjects = subjects
        self._queue = queue
        self._catalog = catalog
        self._wall_clock = wall_clock
        self._users = UserSubjects(bus, subjects, queue)
        self._subscriptions: list[Subscription] = []
        self._since: dict[str, str] = {}

    def serve(self) -> None:
        """Begin."""
        self._users.serve(self._subjects.user("registry", "resolve"), self.resolve)
        self._subscriptions = [self._bus.subscribe(each, self._services_api, self._queue) for each in patterns()]

    def close(self) -> None:
        """Stop."""
        self._users.close()
        for subscription in self._subscriptions:
            subscription.unsubscribe()

    @property
    def undecodable(self) -> int:
        """Questions that were none."""
        return self._users.undecodable

    def resolve(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the instances of `service`, of all services where it is empty; none where it is unknown.

        Raises:
            Refused, InvalidName: `service` is no name.
        """
        name = text_field(request, "service")
        found = self._catalog.of_service(called_token(name) if name else "")
        return {"revision": self._catalog.revision, "instances": [self._public(instance) for instance in found]}

    def _public(self, instance: Instance) -> dict[str, Any]:
        load = self._load(key_of(instance.service, instance.id))
        return _public(instance) if load is None else {**_public(instance), "load": figures(load)}

    def _services_api(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        if not may_answer(self._subjects, reply):
            return
        instances = [(instance, self._first_seen(instance)) for instance in self._catalog.of_service("")]
        for answer in answers(self._subjects, subject, instances):
            send_json(self._bus, reply, answer)

    def _first_seen(self, instance: Instance) -> str:
        key = key_of(instance.service, instance.id)
        if len(self._since) > 2 * len(self._catalog.instances) + 100:
            self._since = {known: since for known, since in self._since.items() if known in self._catalog.instances}
        if key not in self._since:
            self._since[key] = datetime.fromtimestamp(self._wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._since[key]


def _public(instance: Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "service": instance.service.replace("_", "."),
        "version": instance.version,
        "labels": instance.labels,
        "locality": instance.locality,
        "weight": instance.weight,
        "node": instance.node,
        "health": instance.health,
        "reason": instance.reason,
        "address": instance.address,
        "port": instance.port,
        "stale": instance.data != Connection() == instance.control,
    }
