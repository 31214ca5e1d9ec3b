"""Where a child of a supervisor stands."""

import enum


class Life(enum.Enum):
    """The states of an actor's cell, and of a supervisor."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"
    """Between two lives: mail is kept, nobody works."""
    STOPPING = "stopping"
    STOPPED = "stopped"
