"""The admin address: ready is not the same as well, and both are said."""

import pytest

from plait.gateway.admin import Admin
from plait.tracing.metrics import Metrics


class Node:
    def __init__(self, unready="", unwell=""):
        self.unready, self.unwell = (lambda: unready), (lambda: unwell)


class Page:
    """A request for a page, and its answer."""

    method = "GET"

    def __init__(self, path):
        self.path = path

    def reply(self, status, headers, body):
        self.answer = status, body.decode()


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        (Node(), (200, "ready\n")),
        (Node(unwell="unwell: late"), (200, "ready; unwell: late\n")),
        (Node(unready="starting or leaving"), (503, "starting or leaving\n")),
        (Node("not connected to the bus", "unwell: late"), (503, "not connected to the bus; unwell: late\n")),
    ],
)
def test_readiness_is_the_status_and_how_the_node_fares_stands_in_the_body(node, answer):
    page = Page("/readyz")
    Admin(node, Metrics(process=False))(page, page)
    assert page.answer == answer
