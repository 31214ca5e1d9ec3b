"""What a user does with nothing but a NATS client: ask on the mesh's public subjects."""

import json
from typing import Any

from nats.aio.client import Client

from plait.examples.bookinfo.policies import first_policy


class UserBus:
    """A NATS client of any make; here nats-py."""

    def __init__(self, client: Client, mesh: str = "default") -> None:
        self.client = client
        self._prefix = f"plait.{mesh}."

    async def ask(self, subject: str, question: str | dict[str, Any] | bytes = b"{}", limit: float = 5.0) -> Any:
        """Ask on a public subject; the answer's JSON."""
        if isinstance(question, dict):
            question = json.dumps(question)
        payload = question.encode() if isinstance(question, str) else question
        return json.loads((await self.client.request(self._prefix + subject, payload, timeout=limit)).data)

    async def apply(self, documents: str) -> dict[str, Any]:
        """Apply documents; they have to be taken."""
        answer = await self.ask("policy.apply", documents)
        assert "errors" not in answer, answer
        return answer

    async def instances(self, service: str = "") -> list[dict[str, Any]]:
        """Who is in the registry."""
        return (await self.ask("registry.resolve", {"service": service}))["instances"]

    async def kinds(self) -> set[tuple[str, str]]:
        """Kind and name of every document in force."""
        items = (await self.ask("policy.get"))["items"]
        return {(item["kind"], item["metadata"]["name"]) for item in items}

    async def revision(self) -> int:
        """The policy's revision."""
        return (await self.ask("policy.get"))["revision"]

    async def reset(self, first: set[tuple[str, str]]) -> None:
        """Bring back Bookinfo's first policy, and nothing else."""
        added = await self.kinds() - first
        for kind, name in sorted(added, key=lambda one: (one[0] != "ServiceEntry", one), reverse=True):
            # Routes before what they name, and last the hosts that all others may name.
            answer = await self.ask("policy.delete", {"kind": kind, "name": name})
            assert "errors" not in answer, answer
        await self.apply(first_policy())
