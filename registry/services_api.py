"""The NATS services API (ADR-32) for the whole mesh, so that `nats micro ls` shows its instances."""

import re
from collections.abc import Iterator
from typing import Any

from ..actors.messages.instance import Instance
from ..actors.messages.subject import Subjects

VERBS = ("PING", "INFO", "STATS")
_NUMBERS = re.compile(r"\d+")


def patterns() -> list[bytes]:
    """Return what the registry listens to: each verb for all, for one service, for one instance."""
    return [f"$SRV.{verb}{rest}".encode() for verb in VERBS for rest in ("", ".*", ".*.*")]


def semantic_version(version: str) -> str:
    """Return a version as the API wants it, three numbers: `v2` is `2.0.0`."""
    numbers = _NUMBERS.findall(version)[:3]
    return ".".join([*numbers, "0", "0", "0"][:3])


def asked(subject: bytes) -> tuple[str, str, str]:
    """Return the verb, the service's token and the instance of a request; empty where all are meant."""
    tokens = [*subject.decode(errors="replace").split("."), "", "", ""]
    return tokens[1], tokens[2].replace(".", "_"), tokens[3]


def answers(subjects: Subjects, subject: bytes, instances: list[tuple[Instance, str]]) -> Iterator[dict[str, Any]]:
    """Give one answer for each instance (with the time it was first seen, RFC 3339) that `subject` asks for.

    The mesh counts requests where they are made and answered (`plait top`, `/metrics`), not here: STATS holds zeros.
    """
    verb, service, name = asked(subject)
    for instance, since in instances:
        if (service and instance.service != service) or (name and instance.id != name):
            continue
        answer: dict[str, Any] = {
            "type": f"io.nats.micro.v1.{verb.lower()}_response",
            "name": instance.service,
            "id": instance.id,
            "version": semantic_version(instance.version),
            "metadata": {
                "plait.mesh": subjects.mesh,
                "plait.version": instance.version,
                "plait.node": instance.node,
                "plait.locality": instance.locality,
                "plait.health": instance.health,
                **instance.labels,
            },
        }
        endpoint: dict[str, Any] = {
            "name": "call",
            "subject": subjects.calls_to(instance.service, instance.id).decode(),
            "queue_group": "",
        }
        if verb == "INFO":
            answer |= {"description": f"{instance.service} in the mesh {subjects.mesh}", "endpoints": [endpoint]}
        elif verb == "STATS":
            counts = {"num_requests": 0, "num_errors": 0, "last_error": "", "processing_time": 0}
            endpoint |= {**counts, "average_processing_time": 0}
            answer |= {"started": since, "endpoints": [endpoint]}
        yield answer
