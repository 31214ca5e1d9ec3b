"""The README's and the documentation's example of a test under failure runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def examples(path):
    """The Python examples of a page."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_example_of_a_test_under_failure_runs(tmp_path):
    (test,) = examples("docs/testing.md")
    assert test in examples("README.md")
    (ordering,) = (one for one in examples("README.md") if "class Billing(" in one)
    (tmp_path / "ordering.py").write_text(ordering)
    (tmp_path / "test_shop.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--plait-seeds=8"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert "8 passed" in done.stdout, done.stdout
