"""Mutated policy: whatever a text says, it is refused whole and with reasons, or it compiles; never a traceback."""

import copy
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plait.actors.policy.bundle import check
from plait.actors.policy.document import read_documents
from plait.actors.policy.finding import of_text
from plait.actors.policy.source import LARGEST
from plait.actors.policy.world import FILES
from plait.actors.routing.table import compile_table
from plait.examples.bookinfo.policies import first_policy

ROOT = Path(__file__).parents[3]
TEXTS = [
    *(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "examples").rglob("*.yaml"))
        if "kind:" in path.read_text()
    ),
    *(path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "bookinfo").glob("*.yaml"))),
]
_WORDS = """
null true -1 0 1e400 .nan 0x10 '*' '' [] {} [[[]]] 99999999999999999999 5s 1h30m -1s 5 1us 0.1ns mesh *.com a..b a/b/c
(a+)+$ a{1000} (?=a) \\1 [ (?i)x .* ^$ &a *a << !!python/object:os.system | > hosts http route weight fault delay abort
percentage match uri prefix regex spec subset destination host port gateways timeout retries delegate mirror corsPolicy
headers redirect rewrite directResponse {a:b} \u0000 \u202e é
"""
WORDS = [*_WORDS.split(), "{a: b}", "x" * 300]
FIRST = check({}, read_documents(first_policy())[0], revision=1).documents
SHORT = 0.5
"""Seconds. RE2 takes under 1 ms for each of these; an engine that backtracks takes longer than anyone waits."""


VALUES = [
    None,
    True,
    -1,
    0,
    1.5,
    10**20,
    "",
    "x" * 300,
    [],
    {},
    [[]],
    "5s",
    "-1s",
    "*",
    "mesh",
    "(a+)+$",
    "(?=a)",
    "a..b",
]


def mutated(rng: random.Random) -> str:
    """One of the project's own files with a few changes, of its text or of what it says."""
    return _of_text(rng) if rng.random() < 0.4 else _of_values(rng)


def _of_values(rng: random.Random) -> str:
    """Values replaced, taken out, renamed, or put where others of the same files stand."""
    documents = list(yaml.safe_load_all(rng.choice(TEXTS)))
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(documents))
        around, key = rng.choice(places)
        other, its = rng.choice(places)
        match rng.randrange(5):
            case 0:
                around[key] = rng.choice(VALUES)
            case 1:
                around[key] = copy.deepcopy(other[its])
            case 2:
                del around[key]
            case 3 if isinstance(around, dict):
                around[rng.choice(WORDS)] = around.pop(key)
            case _:
                around[key] = [around[key]]
        if not documents:
            break
    return "---\n".join(json.dumps(one) + "\n" for one in documents)


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield value, key
        yield from _places(part)


def _of_text(rng: random.Random) -> str:
    """Lines moved, words put in, characters lost."""
    lines = rng.choice(TEXTS).splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(lines))
        line = lines[place]
        match rng.randrange(9):
            case 0:
                del lines[place : place + rng.randint(1, 3)]
                lines = lines or ["---"]
            case 1:
                lines.insert(place, rng.choice(lines))
            case 2:
                lines[place] = " " * rng.randint(0, 12) + line.lstrip()
            case 3:
                name, colon, _ = line.partition(":")
                lines[place] = f"{name}{colon} {rng.choice(WORDS)}"
            case 4:
                _, colon, value = line.partition(":")
                lines[place] = f"{' ' * rng.randint(0, 8)}{rng.choice(WORDS)}{colon}{value}"
            case 5:
                at = rng.randrange(len(line) + 1)
                lines[place] = line[:at] + rng.choice("{}[]:,-#&*!|>'\"%@`\t \\\x07\ud7ff") + line[at:]
            case 6:
                at = rng.randrange(len(line) + 1)
                lines[place] = line[:at] + line[at + 1 :]
            case 7:
                other = rng.choice(TEXTS).splitlines()
                start = rng.randrange(len(other))
                lines[place:place] = other[start : start + rng.randint(1, 8)]
            case _:
                words = line.split(" ")
                words[rng.randrange(len(words))] = rng.choice(WORDS)
                lines[place] = " ".join(words)
    return "\n".join(lines)


def judge(text: str | bytes) -> bool:
    """Read, judge and compile as the engine does; return whether it was accepted."""
    documents, problems = read_documents(text)
    outcome = check(FIRST, documents, revision=2)
    for problem in (*problems, *outcome.problems, *outcome.warnings):
        assert problem.code
        assert problem.message
    if problems or not outcome.accepted:
        assert problems or (outcome.problems and not outcome.documents)
        return False
    compile_table({key: one.rule for key, one in {**FIRST, **outcome.documents}.items() if one is not None})
    return True


@pytest.mark.plait_seeds(30)
def test_mutated_files_are_refused_with_reasons_or_compile(plait_seed):
    """`--plait-seeds=500` plays 10,000 files."""
    rng = random.Random(plait_seed)
    for _ in range(20):
        text = mutated(rng)
        judge(text)
        of_text(text, FIRST, FILES)


def test_the_mutations_leave_some_files_sound():
    rng = random.Random(1)
    accepted = sum(judge(mutated(rng)) for _ in range(200))
    assert 3 < accepted < 197


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}", "([a-z]+)*@", "^(([a-z])+.)+[A-Z]([a-z])+$", "(?:a?){64}a{64}"]
)
def test_no_pattern_backtracks(policies, request_of, pattern):
    outcome = policies.check(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: [a]\n  http:\n"
        f"  - match: [{{uri: {{regex: '{pattern}'}}}}]\n    route: [{{destination: {{host: a}}}}]\n"
        "  - route: [{destination: {host: a}}]\n"
    )
    if not outcome.accepted:
        return
    table = compile_table({key: one.rule for key, one in outcome.documents.items()})
    view = request_of(service="a", path="/" + "a" * 2000 + "!")
    routes = table.of_service("a")
    before = time.process_time()
    routes.first(view)
    assert time.process_time() - before < SHORT


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "too_large"),
        ("a: " + "[" * 100_000, "too_large"),
        ("{" * 5_000, "too_large"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 200)), "too_large"),
        ("x" * (LARGEST + 1), "too_large"),
        (b"a: \xff\xfe", "unreadable"),
        ("a: 1\na: 2\n", "duplicate_key"),
        ('{"a": 1, "a": 2}', "duplicate_key"),
        ("- a\n- b\n", "unreadable"),
        ("just words", "unreadable"),
        ("a: !!python/object/apply:os.system ['true']\n", "unreadable"),
        ("a: \x00", "unreadable"),
        ("a: *nobody\n", "unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 and value.isidentifier() else "text",
)
def test_hostile_text_is_refused_with_a_reason(text, code):
    documents, (problem,) = read_documents(text)
    assert (problem.code, documents) == (code, [])
    assert problem.line > 0
