"""`plait up --reload`: looks at the services' files and has those that changed run their new code, if it runs."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from contextlib import aclosing
from pathlib import Path

import msgspec

from ..actors.messages.error import StartFailed
from .crew import Crew
from .mesh_file import Unfit
from .options import UpOptions
from .plan import Plan
from .source_file import Sources

Stamps = frozenset[tuple[Path, int, int]]
"""What is compared of files: which there are, when they were written (ns), how large they are."""

LOOK = 1000
"""Milliseconds between two looks at the files where nothing tells of a change: not all file systems do."""
QUIET = 50
"""Milliseconds without a change after which a burst of them is over: editors write in several steps."""
_LIVE = frozenset({"services", "app"})
"""What of the options can be changed while the mesh runs."""


class Reread(msgspec.Struct, frozen=True):
    """How to find out what to run by now."""

    options: Callable[[], UpOptions]
    """Raises Unfit or OSError."""
    file: Path | None = None
    """The file where it stands."""


class Reload:
    """One mesh's. Files are looked at from the moment that it is made: a change while the mesh starts is not missed."""

    def __init__(self, options: UpOptions, reread: Reread, tell: Callable[[str], None] | None = None) -> None:
        """Look at the files of `options`; `tell` takes lines for people."""
        self._options = options
        self._reread = reread
        self._tell = tell or _tell_stderr
        self._sources: dict[tuple[str, ...], Sources] = {}
        self._plans = {plan.name: plan for plan in options.plans}
        self._seen = {name: self._stamps(plan) for name, plan in self._plans.items()}
        self._file_seen = _stamps([reread.file] if reread.file else ())
        self._work: dict[str, asyncio.Task[None]] = {}
        self._blind = False
        self._task: asyncio.Task[None] | None = None

    def start(self, crew: Crew) -> None:
        """Begin to act on changes."""
        self._crew = crew
        self._task = asyncio.get_running_loop().create_task(self._run(), name="reload")

    async def stop(self) -> None:
        """Look no more, and give up what was begun."""
        tasks = [*self._work.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self) -> None:
        from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType] -- trio's types, which are not here

        while True:
            await self._look()
            folders = self._folders()
            changes = awatch(
                *folders, step=QUIET, rust_timeout=LOOK, yield_on_timeout=True, recursive=False, watch_filter=None
            )
            try:
                async with aclosing(changes):
                    async for _ in changes:
                        await self._look()
                        if self._folders() != folders:
                            break
            except (OSError, RuntimeError) as error:  # what the library raises where the system does not play along
                if not self._blind:
                    self._tell(f"reload: the system tells of no changes ({error}): looking every {LOOK / 1000:g} s")
                self._blind = True
                await asyncio.sleep(LOOK / 1000)

    def _folders(self) -> frozenset[Path]:
        files = {path for stamps in self._seen.values() for path, _, _ in stamps}
        files |= {self._reread.file} if self._reread.file is not None else set()
        return frozenset(file.parent for file in files if file.parent.is_dir()) or frozenset({Path.cwd()})

    async def _look(self) -> None:
        """Compare what is there with what was there; the system's word of a change is only a reason to look."""
        if self._reread.file is not None and (stamps := _stamps([self._reread.file])) != self._file_seen:
            self._file_seen = stamps
            await self._read_again()
        for name, plan in self._plans.items():
            stamps = self._stamps(plan)
            if stamps != self._seen[name]:
                changed = {path.name for path, _, _ in stamps ^ self._seen[name]}
                self._seen[name] = stamps
                self._bring(plan, ", ".join(sorted(changed)), anew=True)

    async def _read_again(self) -> None:
        file = self._reread.file
        assert file is not None
        try:
            options = self._reread.options()
        except Unfit as error:
            for one in error.problems:
                self._tell(f"{file}:{one.line}: {one.path}: {one.message}" + (f" ({one.hint})" if one.hint else ""))
            self._tell(f"reload: {file.name} is not valid, the mesh goes on as before")
            return
        except OSError as error:
            self._tell(f"reload: {file.name} cannot be read ({error.strerror}), the mesh goes on as before")
            return
        fixed = [
            name
            for name in UpOptions.__struct_fields__
            if name not in _LIVE and getattr(options, name) != getattr(self._options, name)
        ]
        if fixed:
            self._tell(f"reload: {', '.join(fixed)}: takes effect when the mesh is started again")
        self._options = options
        wanted = {plan.name: plan for plan in options.plans if plan.targets[0] not in ("registry", "policy")}
        before = {name: plan for name, plan in self._plans.items() if plan.targets[0] not in ("registry", "policy")}
        for name in before.keys() - wanted.keys():
            await self._drop(name)
        for name, plan in wanted.items():
            if before.get(name) != plan:
                self._plans[name], self._seen[name] = plan, self._stamps(plan)
                self._bring(plan, file.name, anew=False)

    async def _drop(self, name: str) -> None:
        del self._plans[name], self._seen[name]
        if (task := self._work.pop(name, None)) is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._tell(f"reload: {name} leaves")
        self._crew.drop(name)

    def _bring(self, plan: Plan, why: str, *, anew: bool) -> None:
        before = self._work.get(plan.name)
        if before is not None:
            anew = anew or not before.done()
            before.cancel()  # what it tries is old by now
        self._work[plan.name] = asyncio.get_running_loop().create_task(self._try(plan, why, before, anew=anew))

    async def _try(self, plan: Plan, why: str, before: asyncio.Task[None] | None, *, anew: bool) -> None:
        if before is not None:
            await asyncio.wait((before,))
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._tell(f"reload: {plan.name}: {why} changed")
        try:
            await self._crew.bring(plan, anew=anew)
        except StartFailed as error:
            left = "the last good code goes on serving" if plan.name in self._crew.services else "it does not run"
            self._tell(f"reload: {plan.name}: {error}; {left}")
        else:
            self._tell(f"reload: {plan.name} runs as it stands now, after {loop.time() - began:.1f} s")

    def _stamps(self, plan: Plan) -> Stamps:
        folders = (plan.directory or str(Path.cwd()), *plan.python_path)
        sources = self._sources.setdefault(folders, Sources([Path(one) for one in folders]))
        modules = {target.partition(":")[0] for target in plan.targets if ":" in target}
        return _stamps({file for module in modules for file in sources.of(module)})


def _stamps(files: Iterable[Path]) -> Stamps:
    found: set[tuple[Path, int, int]] = set()
    for file in files:
        try:
            state = file.stat()
        except OSError:
            found.add((file, 0, -1))
        else:
            found.add((file, state.st_mtime_ns, state.st_size))
    return frozenset(found)


def _tell_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
