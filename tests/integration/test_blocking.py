"""A service that holds its node's event loop is named by the node itself; a node that was stopped blames nobody."""

import os
import signal
import time

from tests.integration.mesh import wait_for


def test_a_blocking_handler_is_named_with_its_line_in_the_log_and_the_node_says_that_it_is_unwell(own_mesh):
    mesh = own_mesh("--app", "none")
    node = mesh.node("sleeper:Sleeper")
    assert mesh.plait("call", "sleeper", "/block").stdout == "slept"
    wait_for(lambda: "held the event loop" in node.err, 5.0, node.told)
    assert "actor sleeper-v1-" in node.err
    assert 'sleeper.py", line' in node.err
    assert "time.sleep(1.0)" in node.err
    assert "this node is unwell" in node.err
    assert node.end() == 0


def test_a_node_that_was_stopped_says_so_and_blames_no_actor(own_mesh):
    mesh = own_mesh("--app", "none")
    node = mesh.node("sleeper:Sleeper")
    os.kill(node.pid, signal.SIGSTOP)
    time.sleep(1.0)  # how long it stands still
    os.kill(node.pid, signal.SIGCONT)
    wait_for(lambda: "the process stood still" in node.err, 5.0, node.told)
    assert "has blocked" not in node.err
    assert node.end() == 0
