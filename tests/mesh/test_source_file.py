"""Which files a target's code stands in."""

from pathlib import Path

import pytest

from plait.mesh.source_file import Sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "shop/__init__.py": "",
        "shop/orders.py": "import json, click, words\nfrom . import price\nfrom plait.actors import Service",
        "shop/price.py": "from shop.deep.rate import RATE",
        "shop/deep/rate.py": "RATE = 1",
        "shop/unused.py": "",
        "words.py": "def late():\n    import lazy",
        "lazy.py": "",
        "broken.py": "import words\nx = (",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def files(folder: Path, module: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Sources([folder]).of(module)}


def test_a_module_stands_in_its_file_those_it_imports_and_the_packages_around(folder: Path) -> None:
    assert files(folder, "shop.orders") == {
        "shop/__init__.py",
        "shop/orders.py",
        "shop/price.py",
        "shop/deep/rate.py",
        "words.py",
        "lazy.py",
    }


def test_a_file_that_cannot_be_parsed_still_counts(folder: Path) -> None:
    assert files(folder, "broken") == {"broken.py"}


def test_an_import_that_is_added_is_followed(folder: Path) -> None:
    sources = Sources([folder])
    assert folder / "shop/unused.py" not in sources.of("words")
    (folder / "words.py").write_text("import shop.unused  # longer than before")
    assert folder / "shop/unused.py" in sources.of("words")


def test_of_this_package_the_examples_alone_are_a_users(folder: Path) -> None:
    found = {
        path.as_posix().partition("/examples/")[2] for path in Sources([folder]).of("plait.examples.bookinfo.details")
    }
    assert "bookinfo/details.py" in found
    assert "bookinfo/reviews.py" not in found
    assert "" not in found


@pytest.mark.parametrize(
    ("module", "near"),
    [
        ("shop.orders", None),
        ("shop.deep.rate", None),
        ("json.decoder", None),
        ("plait.examples.bookinfo.reviews", None),
        ("shop.ordres", "shop.orders"),
        ("shp.orders", "shop"),
        ("nothing_like_it", ""),
    ],
)
def test_a_module_that_is_missing_has_the_nearest_name(folder: Path, module: str, near: str | None) -> None:
    assert Sources([folder]).missing(module) == near
