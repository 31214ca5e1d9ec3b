"""The group of all verbs: each verb's file is loaded when it is called, its line of help stands here."""

import importlib
from typing import Any

import click

from .exit import CommandError, Exit, report, trace, understand

SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Start",
        (
            ("up", "a whole mesh on this machine: bus, control plane, gateway, services"),
            ("node", "one actor node: registry, policy, gateway, or your services"),
            ("drain", "have a node leave without losing a call, and end"),
            ("weight", "change an instance's share of the calls"),
        ),
    ),
    (
        "Look",
        (
            ("ls", "nodes, services, instances, actors, policies"),
            ("tree", "who supervises whom, with restarts and failures"),
            ("describe", "all that is known of one service, instance, node, actor or rule"),
            ("status", "which node decides by which policy revision"),
            ("stat", "success, rate and latency by service, version, route or edge"),
            ("trace", "traces: list them, or show one"),
            ("check", "the doctor: what works, what does not, what to do"),
            ("probe", "is one node ready? for health checks of containers"),
            ("version", "which version this is"),
        ),
    ),
    ("Ask", (("call", "one routed call to a service"),)),
    (
        "Policy",
        (
            ("analyze", "find what is wrong with policy, in files or in force"),
            ("apply", "publish policy from files"),
            ("get", "the policy in force"),
            ("diff", "what files would change of it"),
            ("delete", "take policy out"),
            ("history", "its revisions, and what each changed"),
            ("rollback", "go back to a revision"),
            ("fault", "put faults into a running mesh, for a while"),
            ("config", "what one node decides by, and where each value comes from"),
        ),
    ),
)
"""Verbs in the order of the help page; a verb `x` is the click command `command` in the file `x.py`."""

_VERBS = {verb: line for _, verbs in SECTIONS for verb, line in verbs}

EPILOG = """\b
Examples:
  plait up                                       start a mesh with the Bookinfo sample
  plait apply -f reviews.yaml                    change where requests go
  plait call reviews /reviews/0 -H end-user:jason
\b
Every flag has an environment variable: PLAIT_NATS_URL, PLAIT_MESH, PLAIT_OUTPUT, PLAIT_HTTP, …, and
PLAIT_<VERB>_<FLAG> for the rest. Flags win over the environment, the environment over the run file of `plait up`.
"""


class Verbs(click.Group):
    """The group: knows its verbs without loading them, and ends every command in one way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the help page."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb's command, loading its file, or None."""
        if cmd_name not in _VERBS:
            return None
        command: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; who mistypes one is told which it may have been."""
        if args and args[0] not in _VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _VERBS, n=1)
            ctx.fail(f"no such verb: {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs in their sections; click would load every file for its first line."""
        for title, verbs in SECTIONS:
            with formatter.section(title):
                formatter.write_dl(verbs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; whatever it raises becomes a sentence on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:
            told = understand(error)
            if ctx.params.get("debug") and not isinstance(error, CommandError):
                trace(error)
            report(told, machine=ctx.meta.get(MACHINE, False))
            ctx.exit(told.code)


MACHINE = "plait.machine"
"""Key in a context's meta: true when `-o` names a format for machines."""


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from .version import text

        click.echo(text())
        ctx.exit(Exit.DONE)


@click.group(
    cls=Verbs,
    epilog=EPILOG,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        "auto_envvar_prefix": "PLAIT",
    },
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Which version."
)
def app(debug: bool) -> None:
    """plait: a service mesh made of actors on a NATS bus."""


def main() -> int:
    """Run the command line; this is the program `plait`."""
    try:
        status = app.main(prog_name="plait", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    return status if isinstance(status, int) else Exit.DONE
