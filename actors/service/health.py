"""What one look at a service's health came to, as its checks say it."""

import enum

import msgspec


class Level(enum.IntEnum):
    """How bad it is; the worst of an instance's checks is the instance's own."""

    PASSING = 0
    WARNING = 1
    CRITICAL = 2


class Health(msgspec.Struct, frozen=True):
    """What one look came to. A check returns one where True, False or an exception would say too little."""

    level: Level
    text: str = ""
    """For people; of a passing check nobody reads it."""

    @classmethod
    def passing(cls, text: str = "") -> "Health":
        """Return that all is well."""
        return cls(Level.PASSING, text)

    @classmethod
    def warning(cls, text: str) -> "Health":
        """Return that somebody should look; the instance goes on getting calls."""
        return cls(Level.WARNING, text or "a warning without a word")

    @classmethod
    def critical(cls, text: str) -> "Health":
        """Return that the instance should get no calls."""
        return cls(Level.CRITICAL, text or "critical without a word")

    @classmethod
    def of_status(cls, status: int, text: str) -> "Health":
        """Return what an HTTP status means, as Consul reads it: 2xx passes, 429 is a warning, all else is critical."""
        if 200 <= status < 300:
            return cls(Level.PASSING, text)
        return cls(Level.WARNING if status == 429 else Level.CRITICAL, text)

    @classmethod
    def of_answer(cls, answer: object) -> "Health":
        """Return what a method's answer means: None and True pass, False is critical, a `Health` says it itself."""
        if answer is None or answer is True:
            return _PASSES
        if answer is False:
            return cls(Level.CRITICAL, "it returned False")
        if isinstance(answer, Health):
            return answer
        return cls(Level.CRITICAL, f"it returned {type(answer).__name__}, not None, True, False or Health")

    @classmethod
    def of_error(cls, error: BaseException) -> "Health":
        """Return what an exception means."""
        said = str(error)
        return cls(Level.CRITICAL, f"{type(error).__name__}: {said}" if said else type(error).__name__)


_PASSES = Health(Level.PASSING)
