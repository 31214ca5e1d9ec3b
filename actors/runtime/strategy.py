"""What a child's end means for it and its siblings: pure decisions, so that each of OTP's rules can be tried alone."""

from collections.abc import Sequence
from typing import NamedTuple

from .spec import AutoShutdown, Restart, Spec, Strategy


class Plan(NamedTuple):
    """What a restart does, names in the order in which it is done."""

    stop: tuple[str, ...]
    """Siblings to be ended first, last started first."""
    forget: tuple[str, ...]
    """Of these the temporary ones, which are not started again."""
    start: tuple[str, ...]
    """Who is started then, in the order of the first start; the failed child among them."""


def plan(strategy: Strategy, children: Sequence[Spec], failed: str) -> Plan:
    """Return what is to be done when the child `failed` is to be restarted; `children` in the order of their start."""
    if strategy is Strategy.ONE_FOR_ONE:
        return Plan((), (), (failed,))
    names = [spec.name for spec in children]
    begin = 0 if strategy is Strategy.ONE_FOR_ALL else names.index(failed)
    touched = children[begin:]
    forget = tuple(s.name for s in touched if s.restart is Restart.TEMPORARY and s.name != failed)
    return Plan(
        tuple(spec.name for spec in reversed(touched) if spec.name != failed),
        forget,
        tuple(spec.name for spec in touched if spec.name not in forget),
    )


def comes_again(restart: Restart, failed: bool) -> bool:
    """Return whether a child that ended by itself is restarted; `failed` where it did not end in peace."""
    return restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and failed)


def shuts_down(rule: AutoShutdown, ended: Spec, left: Sequence[Spec]) -> bool:
    """Return whether the supervisor ends with `ended`, a child that will not come again; `left` are its siblings."""
    if rule is AutoShutdown.NEVER or not ended.significant:
        return False
    return rule is AutoShutdown.ANY_SIGNIFICANT or not any(spec.significant for spec in left)


def complaint(spec: Spec, rule: AutoShutdown, name: str) -> str:
    """Return what is wrong with a child's spec, empty when nothing is."""
    if not name or "/" in name:
        return f"a child's name is neither empty nor does it hold a '/', this one is {name!r}"
    if spec.significant and spec.restart is Restart.PERMANENT:
        return f"{name} is permanent, so it never ends by itself: only transient and temporary children are significant"
    if spec.significant and rule is AutoShutdown.NEVER:
        return f"{name} is significant, but its supervisor's auto_shutdown is never"
    return ""
