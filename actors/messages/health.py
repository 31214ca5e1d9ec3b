"""How an instance fares, in the words that stand in the registry, and which of them let calls reach it."""

HEALTHY = "healthy"
WARNING = "warning"
"""A check is not content; the instance goes on as if it were healthy, and its reason is shown."""
CRITICAL = "critical"
"""A check has failed as often as it may: registered, and given no new calls until it passes again."""
STARTING = "starting"
"""Its checks have not passed yet: registered, and given no calls."""
DRAINING = "draining"
SUSPECTED = "suspected"
"""Its process is silent, as registries find: others get the new calls where there are any, those in hand go on."""

OWN = (HEALTHY, WARNING, CRITICAL, STARTING, DRAINING)
"""What an instance may say of itself."""

ROUTABLE = (HEALTHY, WARNING)
"""What lets new calls, events and DNS answers reach an instance."""

LONGEST_REASON = 255
"""Characters of a reason."""


def trusted(reason: str) -> str:
    """Return how an instance that is heard again fares, by the reason that it has given: only a warning has one."""
    return WARNING if reason else HEALTHY
