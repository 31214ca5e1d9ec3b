"""Which instances belong to a subset: those that carry all of its labels."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class Labelled(Protocol):
    """An instance, as far as selection looks at it."""

    @property
    def service(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def labels(self) -> Mapping[str, str]: ...


L = TypeVar("L", bound=Labelled)


def carries(instance: Labelled, labels: Mapping[str, str]) -> bool:
    """Return whether `instance` has every one of `labels`.

    Every instance carries `version` and `app` (its service's name) by itself, as Istio's workloads do by convention; a
    label of that name set by hand comes first.
    """
    own = instance.labels
    for name, value in labels.items():
        have = own.get(name)
        if have is None:
            if name == "version":
                have = instance.version
            elif name == "app":
                have = instance.service.partition("_")[0]
        if have != value:
            return False
    return True


def select(instances: Iterable[L], labels: Mapping[str, str]) -> tuple[L, ...]:
    """Return those of `instances` that carry `labels`, in their order; without labels all of them."""
    return tuple(one for one in instances if carries(one, labels)) if labels else tuple(instances)
