"""What tests of actors share: nodes on one in-memory bus."""

import pytest

from tests.nodes import Network


@pytest.fixture
async def network():
    """Nodes that know each other: `network.node()`."""
    network = Network()
    yield network
    await network.close()
