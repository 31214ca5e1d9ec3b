"""What the policy's tests share: documents from text, bundles on top of one another, requests to decide on."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from plait.actors.policy.bundle import check
from plait.actors.policy.document import read_documents
from plait.actors.policy.translate import translate
from plait.actors.routing.decide import decide
from plait.actors.routing.table import compile_table
from tests.policy_world import World

BOOKINFO = Path(__file__).parent / "bookinfo"


class Policies:
    """What is in force, bundle after bundle."""

    def __init__(self):
        self.in_force = {}
        self.revision = 0

    def check(self, text, delete=()):
        documents, problems = read_documents(text)
        assert problems == []
        return check(self.in_force, documents, delete=delete, revision=self.revision + 1)

    def apply(self, text="", delete=()):
        outcome = self.check(text, delete)
        assert outcome.problems == ()
        self.revision += 1
        for key, document in outcome.documents.items():
            if document is None:
                del self.in_force[key]
            else:
                self.in_force[key] = document
        return outcome

    def bookinfo(self, *names):
        for name in names:
            self.apply((BOOKINFO / f"{name}.yaml").read_text())
        return self

    @property
    def table(self):
        return compile_table({key: one.rule for key, one in self.in_force.items()}, self.revision)

    def decide(self, view, rng=None, reasons=None):
        return decide(self.table, view, (rng or random.Random(1)).random, reasons)


@pytest.fixture
def policies():
    return Policies()


@pytest.fixture
def request_of():
    """Makes requests: `request_of(service="reviews", headers=[("end-user", "jason")])`."""

    def make(**given):
        fields = {
            "method": "GET",
            "scheme": "http",
            "authority": "bookinfo.example.com",
            "path": "/",
            "query": "",
            "headers": [],
            "baggage": {},
            "gateway": (),
            "port": None,
            "service": "",
            "source_service": "",
            "source_labels": {},
            "source_namespace": "default",
        }
        assert set(given) <= set(fields)
        return SimpleNamespace(**(fields | given))

    return make


@pytest.fixture
def translated():
    """Translates one document, given its kind and the text of its spec (indented by two spaces)."""

    def make(spec, kind="VirtualService", name="reviews"):
        text = f"apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}"
        documents, problems = read_documents(text)
        assert problems == []
        return translate(documents[0])

    return make


@pytest.fixture
async def world():
    world = World()
    yield world
    for follower in world.followers.values():
        await follower.stop()
    await world.supervisor.stop()
    world.surroundings.deadlines.close()
