"""The files of the repository: portable text that speaks of the project alone."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BINARY = frozenset({".png", ".ico", ".woff2", ".bin"})
# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package registry's address": re.compile(
        r"https?://[\w.-]*(?:py" + r"pi\.org|pythonhosted\.org|npm" + r"js\.org|artifactory|nexus[\w.-]*/repository)"
    ),
    "a registry setting": re.compile(r"(?:index" + r"-url|extra-" + r"index)\b"),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:wo" + r"rk|ho" + r"me|Us" + r"ers)/\w"),
    "an unresolved conflict": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


@pytest.fixture(scope="module")
def tracked() -> dict[str, bytes]:
    """Every file under version control, and its bytes."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip("git is not installed here")
    if done.returncode:
        pytest.skip("this is no git checkout")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in paths
        if path.is_file() and not path.is_symlink() and path.suffix not in BINARY
    }


def test_files_are_utf_8_text_with_plain_line_ends(tracked):
    broken = [name for name, data in tracked.items() if b"\r\n" in data or b"\0" in data or not _is_text(data)]
    assert [name for name in broken if not name.startswith("tests/")] == []


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_files_end_with_one_line_end(tracked):
    texts = {name: data for name, data in tracked.items() if data and not name.startswith("tests/")}
    assert [name for name, data in texts.items() if not data.endswith(b"\n") or data.endswith(b"\n\n")] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_files_hold_nothing_of_one_machine(tracked, what):
    found = [name for name, data in tracked.items() if FORBIDDEN[what].search(data.decode(errors="replace"))]
    assert found == []


def test_links_between_documents_lead_somewhere(tracked):
    broken = [
        f"{name}: {target}"
        for name, data in tracked.items()
        if name.endswith(".md")
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", data.decode())
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_files_that_documents_name_are_there(tracked):
    missing = [
        f"{page}: {named}"
        for page, data in tracked.items()
        if page.endswith(".md") and page != "CHANGELOG.md"
        for named in re.findall(r"`([\w./-]+\.(?:py|yaml|toml|md))`", data.decode())
        if not any(f"/{name}".endswith(f"/{named}") for name in tracked)
    ]
    assert missing == []


def test_every_decision_has_a_number_of_its_own():
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted(numbers) == sorted(set(numbers))
