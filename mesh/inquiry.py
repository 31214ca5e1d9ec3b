"""What people may ask one node over the bus: its actors, what it decides by, and its metrics."""

from ..actors.bus.user_request import UserSubjects
from ..actors.proxy.effective import config
from ..actors.proxy.proxy import Proxy
from ..actors.runtime.supervisor import Supervisor
from ..actors.runtime.tree import branch
from ..tracing.metrics import Metrics
from .everyone import told
from .link import Link


def answer(link: Link, supervisor: Supervisor, proxy: Proxy, metrics: Metrics) -> UserSubjects:
    """Answer from now on; close what is returned to end it."""
    node, user, clock = link.node, link.subjects.user, link.surroundings.clock
    began = clock()
    served = UserSubjects(link.control, link.subjects, node.encode())
    served.serve(user("actors", node), lambda _: branch(supervisor))
    served.serve(user("config", node), lambda asked: config(proxy, node, asked))
    served.serve(user("metrics", node), lambda asked: told(metrics, node, lambda: clock() - began, asked))
    return served
