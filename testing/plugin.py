"""pytest's side of the simulator: the fixture `plait_seed`, and how many seeds each test that takes it plays.

Installed with plait; it loads nothing of the mesh until a test does.
"""

import pytest

DEFAULT = 10
"""Seeds of each test where nobody says how many."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("plait", "simulated meshes (plait.testing)")
    group.addoption(
        "--plait-seeds", type=int, metavar="N", help=f"seeds 0 to N-1 for each test that takes plait_seed ({DEFAULT})"
    )
    group.addoption(
        "--plait-seed", type=int, action="append", metavar="SEED", help="only this seed, to play a failure again"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, and check the options."""
    config.addinivalue_line("markers", "plait_seeds(n): how many seeds a test plays where --plait-seeds does not say")
    seeds = config.getoption("--plait-seeds")
    if seeds is not None and seeds < 1:
        raise pytest.UsageError(f"--plait-seeds takes a number from 1, not {seeds}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each seed."""
    if "plait_seed" not in metafunc.fixturenames:
        return
    seeds: list[int] = metafunc.config.getoption("--plait-seed") or []
    if not seeds:
        marker = metafunc.definition.get_closest_marker("plait_seeds")
        given = (*marker.args, *marker.kwargs.values()) if marker else (DEFAULT,)
        if len(given) != 1 or not isinstance(given[0], int) or given[0] < 1:
            name = metafunc.definition.nodeid
            raise pytest.UsageError(f"{name}: the marker plait_seeds takes one number from 1, as in plait_seeds(50)")
        count = metafunc.config.getoption("--plait-seeds") or given[0]
        seeds = list(range(count))
    metafunc.parametrize("plait_seed", seeds, ids=[f"seed-{seed}" for seed in seeds])
