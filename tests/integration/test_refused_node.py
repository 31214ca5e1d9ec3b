"""A node that the mesh does not take says why on stderr, ends with 3, and leaves nothing behind."""

import pytest

pytestmark = pytest.mark.anyio

RATINGS = "plait.examples.bookinfo.ratings:Ratings"


def refused(mesh, *arguments):
    node = mesh.spawn("node", *arguments)
    status = node.process.wait(20)
    assert "ready" not in node.out
    assert "Traceback" not in node.err, node.told()
    return status, node.err


async def test_a_second_node_of_one_name_is_refused_and_the_first_goes_on(mesh, bus):
    first = mesh.node(RATINGS, "--name", "only")
    status, said = refused(mesh, RATINGS, "--name", "only")
    assert (status, "a node named only runs already" in said) == (3, True), said
    assert "another --name" in said
    assert len([one for one in await bus.instances("ratings") if one["node"] == "only"]) == 1
    first.end()
    mesh.nodes.remove(first)
    assert mesh.node(RATINGS, "--name", "only").process.poll() is None, "the name is free again"


async def known(bus):
    """Who is in the registry, without the load that they report: that changes all the time."""
    return [{key: value for key, value in one.items() if key != "load"} for one in await bus.instances()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("oddities:Reserved",), "a service cannot be called plait-gateway"),
        ((RATINGS, "--label", "a=" + "x" * 300), "no text of more than 255 characters"),
        ((RATINGS, "--label", "a=\x1b[31m"), "printable"),
    ],
)
async def test_what_may_not_register_is_refused_with_the_reason(mesh, bus, arguments, words):
    before = await known(bus)
    status, said = refused(mesh, *arguments)
    assert (status, words in said) == (3, True), (status, said)
    assert await known(bus) == before
