"""How a command ends: the exit codes, and the one place that turns an error into what, why and what to do."""

import enum

import click


class Exit(enum.IntEnum):
    """Exit codes, the same for every command and every output format."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    REFUSED = 3
    """The mesh refused a change, or a check found something."""
    NOT_FOUND = 4
    DENIED = 5
    UNREACHABLE = 6
    """The bus, or whoever should answer on it."""
    TIMED_OUT = 7
    SERVICE_FAILED = 8
    INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot do what it was asked: what happened, why, what to do, and the exit code."""

    def __init__(self, code: Exit, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.hint = hint


LOGIN = (
    "log in by --nats-creds or --nats-nkey FILE, by --nats-user with PLAIT_NATS_PASSWORD, or by PLAIT_NATS_TOKEN; "
    "--nats-ca FILE names who vouches for the bus"
)
"""What to do about a bus that refuses the login, or whose certificate is not trusted."""


def report(error: CommandError, *, machine: bool) -> None:
    """Say on stderr what went wrong: up to three lines, or one JSON object when the output is for machines."""
    if machine:
        import json

        fields = {"code": error.code.name.lower(), "message": error.what, "why": error.why, "hint": error.hint}
        click.echo(json.dumps({"error": {key: text for key, text in fields.items() if text}}), err=True)
        return
    click.echo(f"error: {error.what}", err=True)
    if error.why:
        click.echo(f"  why: {error.why}", err=True)
    if error.hint:
        click.echo(f"  try: {error.hint}", err=True)


def understand(error: BaseException) -> CommandError:
    """Return `error` as what a user is told."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return CommandError(Exit.INTERRUPTED, "interrupted")
    # Loaded here: most commands end without an error, and `--help` has 150 ms.
    from ..actors.messages.error import BusDenied, BusUnavailable, InvalidName, MeshError, StartFailed, TooLarge

    match error:
        case BusDenied():
            return CommandError(Exit.DENIED, str(error), hint=LOGIN)
        case BusUnavailable():
            return CommandError(
                Exit.UNREACHABLE, str(error), hint="start a mesh with `plait up`, or name its bus with --nats URL"
            )
        case InvalidName():
            return CommandError(Exit.USAGE, str(error))
        case TooLarge():
            return CommandError(Exit.REFUSED, str(error), hint="send it in smaller parts")
        case StartFailed():
            return CommandError(Exit.INTERNAL, str(error))
        case MeshError():
            return CommandError(_CODES.get(error.code.value, Exit.INTERNAL), str(error))
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return CommandError(Exit.INTERNAL, f"{where}{error.strerror or error}")
        case _:
            return CommandError(
                Exit.INTERNAL,
                f"{type(error).__name__}: {error}",
                why="this is a fault in plait itself",
                hint="run it again with `plait --debug …` and report what it prints",
            )


def trace(error: BaseException) -> None:
    """Print the error's traceback on stderr, for `--debug`."""
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)


_CODES = {
    "not_found": Exit.NOT_FOUND,
    "permission_denied": Exit.DENIED,
    "deadline_exceeded": Exit.TIMED_OUT,
    "unavailable": Exit.UNREACHABLE,
    "cancelled": Exit.INTERRUPTED,
    "failed_precondition": Exit.REFUSED,
    "resource_exhausted": Exit.UNREACHABLE,
}
"""Exit codes by the error's code."""
