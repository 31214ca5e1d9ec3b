"""Finds in Python source what differs from run to run: clocks, chance, threads, sockets, the order of sets."""

import ast
import re
from collections.abc import Iterator, Set
from fnmatch import translate
from typing import NamedTuple

FORBIDDEN = (
    # clocks
    "time.*",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "os.times",
    # chance and names that somebody else draws; a Random is a type, `random.Random()` without a seed is found below
    "random.[a-z]*",
    "random.SystemRandom",
    "secrets.*",
    "uuid.uuid[0-9]",
    "os.urandom",
    "os.getrandom",
    "tempfile.*",
    # the process and the machine
    "os.getpid",
    "os.getppid",
    "os.environ",
    "os.getenv",
    "platform.*",
    "socket.*",
    "ssl.*",
    "select.*",
    "selectors.*",
    "signal.*",
    "subprocess.*",
    "sys.stdin",
    "sys.stdout",
    "sys.stderr",
    # other threads, other loops
    "threading.*",
    "multiprocessing.*",
    "concurrent.futures.*",
    "asyncio.to_thread",
    "asyncio.get_event_loop",
    "asyncio.new_event_loop",
    "asyncio.run",
    "asyncio.run_coroutine_threadsafe",
    "asyncio.all_tasks",
    "asyncio.open_*connection",
    "asyncio.start_*server",
    "asyncio.create_subprocess_*",
    # sets by another name: ordered by address
    "weakref.WeakSet",
    # builtins whose answer is another in each process, and the one that speaks to it
    "builtins.id",
    "builtins.hash",
    "builtins.print",
    "builtins.input",
)
"""Dotted names as the module would be imported, as patterns."""

METHODS = frozenset(
    {"run_in_executor", "create_server", "create_connection", "create_unix_server", "create_unix_connection"}
    | {"create_datagram_endpoint", "subprocess_exec", "subprocess_shell", "add_reader", "add_writer"}
    | {"add_signal_handler", "getaddrinfo"}
)
"""Methods that have only one meaning, whatever they are called on."""

_forbidden = re.compile("|".join(map(translate, FORBIDDEN))).match
_BUILTINS = frozenset(name.removeprefix("builtins.") for name in FORBIDDEN if name.startswith("builtins."))
_SHARED = frozenset(
    {"set", "count", "deque", "defaultdict", "Counter", "OrderedDict", "Context", "Random", "bytearray"}
)
_SHARED_BARE = frozenset({"dict", "list"})
_SETS = frozenset({"set", "frozenset"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
_SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_ORDERED = frozenset(
    {"list", "tuple", "enumerate", "iter", "next", "map", "filter", "zip", "fromkeys", "join", "deque"}
)
_UNORDERED = frozenset({"sorted", "any", "all", "sum", "len", "min", "max", "set", "frozenset"})


class Reach(NamedTuple):
    """One place that reaches for what it should be given."""

    line: int
    what: str
    """A dotted name, `random.Random()`, `.method`, `set order`, `global`, or `shared NAME`."""


def reaches(text: str, sets: Set[str] = frozenset()) -> list[Reach]:
    """Return every reach in one module, by line; `sets` are attributes that hold sets elsewhere (`set_attributes`)."""
    tree = ast.parse(text)
    return sorted({*_names(tree), *_orders(tree, sets), *_shared(tree)})


def set_attributes(text: str) -> frozenset[str]:
    """Return which public attributes hold sets in one module, with their dot: `.names`."""
    return frozenset(name for name in _attributes(ast.parse(text)) if not name.startswith("._"))


def _origins(tree: ast.AST) -> dict[str, str]:
    """What each imported name is called where it comes from."""
    found = {name: f"builtins.{name}" for name in sorted(_BUILTINS)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _names(tree: ast.AST) -> Iterator[Reach]:
    origins = _origins(tree)

    def dotted(node: ast.AST) -> str:
        if isinstance(node, ast.Name):
            return origins.get(node.id, "")
        if isinstance(node, ast.Attribute):
            before = dotted(node.value)
            return f"{before}.{node.attr}" if before else ""
        return ""

    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = dotted(node)
            if name and _forbidden(name):
                yield Reach(node.lineno, name)
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                yield Reach(node.lineno, f".{node.attr}")
        if isinstance(node, ast.Call) and dotted(node.func) == "random.Random" and not node.args:
            yield Reach(node.lineno, "random.Random()")


def _orders(tree: ast.Module, sets: Set[str]) -> Iterator[Reach]:
    """Every place where the order of a set shows; what is a set is told by annotations and by what made it."""
    harmless: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.SetComp):
            harmless.add(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _UNORDERED:
            harmless.update(node.args)
    for nodes, known in _scopes(tree, _attributes(tree) | sets):
        for node in nodes:
            if any(_is_set(each, known) for each in _looked_through(node, harmless)):
                yield Reach(node.lineno, "set order")


def _looked_through(node: ast.AST, harmless: set[ast.AST]) -> list[ast.expr]:
    """Return what `node` takes one by one, in order."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp) and node not in harmless:
        return [each.iter for each in node.generators]
    if not isinstance(node, ast.List | ast.Tuple | ast.Call):
        return []
    inner = node.args if isinstance(node, ast.Call) else node.elts
    found = [each.value for each in inner if isinstance(each, ast.Starred)]
    if isinstance(node, ast.Call) and node not in harmless:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _ORDERED:
            found += node.args
        elif called == "pop" and not node.args and isinstance(node.func, ast.Attribute):
            found.append(node.func.value)
    return found


def _attributes(tree: ast.AST) -> frozenset[str]:
    return frozenset(key for key in _sets_among(list(ast.walk(tree)), frozenset()) if key.startswith("."))


def _scopes(scope: ast.AST, above: frozenset[str]) -> Iterator[tuple[list[ast.AST], frozenset[str]]]:
    """The module and each function in it: its own nodes, and what holds sets there."""
    own: list[ast.AST] = []
    inner: list[ast.AST] = []
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        own.append(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner.append(node)
        else:
            todo += ast.iter_child_nodes(node)
    known = above | _sets_among(own, above)
    yield own, known
    for function in inner:
        yield from _scopes(function, known)


def _sets_among(nodes: list[ast.AST], above: frozenset[str]) -> frozenset[str]:
    known = set(above)
    for node in nodes:
        if isinstance(node, ast.AnnAssign) and _of_sets(node.annotation):
            known.add(_key(node.target))
        elif isinstance(node, ast.arg) and _of_sets(node.annotation):
            known.add(node.arg)
    for _ in range(2):  # what was made from sets that were found in the first round
        for node in nodes:
            if isinstance(node, ast.Assign) and _is_set(node.value, known):
                known.update(_key(target) for target in node.targets)
    return frozenset(known - {""})


def _of_sets(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation).strip("'\"").startswith(("set", "frozenset"))


def _key(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else f".{node.attr}" if isinstance(node, ast.Attribute) else ""


def _is_set(node: ast.expr, known: Set[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name))):
            return name in _SETS
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SET_METHODS
        case ast.BinOp(op=operator) if isinstance(operator, _SET_OPERATORS):
            return _is_set(node.left, known) or _is_set(node.right, known)
        case ast.IfExp():
            return _is_set(node.body, known) or _is_set(node.orelse, known)
        case _:
            return bool(_key(node)) and _key(node) in known


def _shared(tree: ast.Module) -> Iterator[Reach]:
    """State of the module, which all nodes of a process would share, and all their loops."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield Reach(node.lineno, "global")
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _changes(node.value):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield Reach(node.lineno, f"shared {ast.unparse(target)}")


def _changes(value: ast.expr | None) -> bool:
    """Whether a value is made to be changed: something empty, or something that counts or collects."""
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)), args=arguments):
            return name in _SHARED or (name in _SHARED_BARE and not arguments)
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SHARED or name == "fromkeys"
        case _:
            return False
