"""What `plait up` is to run: its flags, and for what they leave open the mesh file."""

from pathlib import Path
from typing import Any

import click
import msgspec

from ..actors.bus.login import NOBODY
from ..actors.policy.problem import Problem, ProblemCode
from ..mesh import mesh_file
from ..mesh.first_policy import PolicyRefused
from ..mesh.options import UpOptions
from . import bundle
from .exit import CommandError, Exit
from .output import clean


class Settings:
    """The flags of one command line, and a file that may be read again and again."""

    def __init__(self, flags: dict[str, Any], file: Path | None) -> None:
        """`flags` are by their parameters' names; those that nobody gave are known by click's context."""
        self.file = file
        self._flags = flags
        source = click.get_current_context().get_parameter_source
        given = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
        self._given = {name for name in flags if source(name) in given}
        self._policies: bundle.Bundle | None = None

    def read(self) -> UpOptions:
        """Return what to run.

        Raises:
            CommandError: the file cannot be read, or has mistakes: each is told on stderr.
        """
        try:
            return self.options()
        except mesh_file.Unfit as error:
            for one in error.problems:
                place = f"{self._shown}:{one.line}: {one.path}: {one.message}"
                click.echo(clean(place) + (f"\n  hint: {clean(one.hint)}" if one.hint else ""), err=True)
            count = len(error.problems)
            mistakes = f"{count} mistake{'' if count == 1 else 's'}"
            raise CommandError(Exit.USAGE, f"{self._shown} has {mistakes}; nothing was started") from None
        except OSError as error:
            raise CommandError(Exit.USAGE, f"{error.filename or self._shown}: {error.strerror or error}") from None

    def options(self) -> UpOptions:
        """Return what to run.

        Raises:
            Unfit: the file has mistakes.
            OSError: it, or a file of policy that it names, cannot be read.
        """
        options = self._options()
        # A bus of our own asks for no login: what the environment says of one is meant for others.
        return options if options.nats else msgspec.structs.replace(options, login=NOBODY, system_login=NOBODY)

    def _options(self) -> UpOptions:
        flags = {name: value for name, value in self._flags.items() if value not in (None, ())}
        if flags.get("app") == ("none",):
            flags["app"] = ()
        if self.file is None:
            return UpOptions(**flags)
        described = mesh_file.read(self.file)
        settings = {**flags, **described.settings, **{name: flags[name] for name in self._given if name in flags}}
        if "app" in self._given:
            settings["services"] = ()
        if described.policies:
            try:
                self._policies = bundle.read(described.policies)
            except CommandError as error:
                raise mesh_file.Unfit([Problem(ProblemCode.UNREADABLE, "", "$.policies", 0, error.what)]) from None
            settings["policy"] = self._policies.text
        return UpOptions(**settings)

    def refused(self, error: PolicyRefused) -> CommandError:
        """Tell on stderr why the policy engine did not take the file's policies, and return how that ends."""
        from .publish import told

        for one in error.problems:
            click.echo(told(one, self._policies), err=True)
        return CommandError(Exit.REFUSED, "the mesh's first policies were refused; the mesh was stopped")

    @property
    def _shown(self) -> str:
        return str(self.file)
