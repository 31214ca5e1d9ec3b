"""Policy from outside: a NATS request shifts traffic at once and loses nothing; wrong documents are refused."""

import re
import time

import pytest

from tests.integration.documents import reviews, stars
from tests.integration.load import ask, load

pytestmark = pytest.mark.anyio


async def test_a_nats_request_shifts_the_traffic_within_a_second_and_fails_none(mesh, bus):
    async with load(mesh.http, "/productpage") as pages:
        await pages.more(100)
        assert {stars(page.body) for page in pages.answers} == {"none", "black", "red"}
        answer = await bus.ask("policy.apply", reviews(v1=90, v2=10))
        published = time.monotonic()
        # Counted by when a page was asked for: those under way when the second ended are answered, but do not count.
        await pages.until(lambda: len(pages.since(published + 1.0)) >= 600, 20.0)
    assert isinstance(answer["revision"], int)
    assert [one["name"] for one in answer["applied"]] == ["reviews"]
    assert answer["warnings"] == []
    after = [stars(page.body) for page in pages.since(published + 1.0)]
    assert len(after) >= 600
    assert after.count("red") == 0
    assert 0.80 < after.count("none") / len(after) < 0.98
    assert after.count("black") / len(after) == pytest.approx(0.10, abs=0.06)
    assert pages.failed == []


async def test_changes_in_quick_succession_lose_no_request(mesh, bus):
    async with load(mesh.http, "/productpage") as pages:
        for first in (100, 0, 50, 100):
            await bus.apply(reviews(v1=first, v3=100 - first))
            await pages.more(20)
        await pages.more(50)
    assert pages.failed == []
    assert {stars(page.body) for page in pages.answers[-40:]} == {"none"}


UNREADABLE = "kind: VirtualService\n  metadata: [\n"
UNKNOWN_KIND = reviews(v1=100).replace("VirtualService", "VirtualServise")
LATER_KIND = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {}\n"
UNKNOWN_FIELD = reviews(v1=100) + "      tiemout: 3s\n"
WRONG_TYPE = reviews(v1=100).replace("weight: 100", "weight: heavy")
UNKNOWN_SUBSET = reviews(v1=50, v9=50)
NO_WEIGHT = reviews(v1=0, v2=0)


@pytest.mark.parametrize(
    ("documents", "path", "line", "words"),
    [
        (UNREADABLE, None, 2, ""),
        (UNKNOWN_KIND, "kind", 2, "VirtualService"),
        (LATER_KIND, "kind", 2, "AuthorizationPolicy"),
        (UNKNOWN_FIELD, "spec.http[0].tiemout", 10, "timeout"),
        (WRONG_TYPE, "spec.http[0].route[0].weight", 9, "heavy"),
        (UNKNOWN_SUBSET, "spec.http[0].route[1].destination.subset", 10, "v3"),
        (NO_WEIGHT, "spec.http[0].route", 7, ""),
    ],
    ids=["unreadable", "unknown kind", "later kind", "unknown field", "wrong type", "unknown subset", "no weight"],
)
async def test_a_wrong_document_is_refused_with_its_place_and_changes_nothing(bus, documents, path, line, words):
    before = await bus.ask("policy.get")
    answer = await bus.ask("policy.apply", documents)
    assert set(answer) == {"errors"}
    for error in answer["errors"]:
        assert {"code", "document", "path", "message", "hint"} <= set(error)
        assert re.fullmatch(r"[a-z_]+", error["code"])
        assert error["message"]
    first = answer["errors"][0]
    if path is not None:
        assert first["path"].removeprefix("$.") == path
    assert first["line"] == line
    assert words in first["message"] + first["hint"]
    assert await bus.ask("policy.get") == before


async def test_apply_tells_every_reason_with_its_line_and_ends_with_3(mesh, bus, tmp_path):
    before = await bus.ask("policy.get")
    good, wrong = tmp_path / "1.yaml", tmp_path / "2.yaml"
    good.write_text(reviews(v1=100))
    wrong.write_text(UNKNOWN_FIELD.replace("reviews", "details") + "---\n" + WRONG_TYPE.replace("reviews", "ratings"))
    done = mesh.plait("apply", "-f", str(tmp_path))
    assert done.returncode == 3
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if "2.yaml" in line and "(line 10)" in line and "tiemout" in line]
    assert [line for line in done.stderr.splitlines() if "2.yaml" in line and "(line 20)" in line and "heavy" in line]
    assert await bus.ask("policy.get") == before


async def test_all_reasons_come_at_once_and_one_wrong_document_keeps_the_right_ones_out(mesh, bus):
    bundle = [reviews(v1=100), UNKNOWN_FIELD.replace("reviews", "details"), WRONG_TYPE.replace("reviews", "ratings")]
    before = await bus.ask("policy.get")
    answer = await bus.ask("policy.apply", "---\n".join(bundle))
    assert {error["path"].rpartition(".")[2] for error in answer["errors"]} >= {"tiemout", "weight"}
    assert await bus.ask("policy.get") == before
    pages = {stars((await ask(mesh.http, "/productpage")).body) for _ in range(3)}
    assert pages == {"none", "black", "red"}
