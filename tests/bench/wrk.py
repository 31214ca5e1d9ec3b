"""The closed loop by wrk, where it is installed: a load generator in C takes less of the machine than ours."""

import re
import shutil
import subprocess

from .load import Result

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
_TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m),")
_MARK = re.compile(r"^ +(\d+)% +([\d.]+)(us|ms|s|m) *$", re.MULTILINE)
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_LOST = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


def installed() -> bool:
    """Whether there is a wrk on the path."""
    return shutil.which("wrk") is not None


def run(url: str, connections: int, seconds: float) -> Result:
    """Keep one request under way on each connection; wrk knows whole seconds only, and at least one.

    Raises:
        subprocess.SubprocessError: wrk failed or did not end.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30)
    return parse(done.stdout)


def parse(text: str) -> Result:
    """Read what wrk prints. `latencies` are 100 values whose 50th, 75th, 90th and 99th percentiles are wrk's own.

    Raises:
        ValueError: it is not wrk's output.
    """
    total = _TOTAL.search(text)
    marks = [(int(rank), float(value) * _UNITS[unit]) for rank, value, unit in _MARK.findall(text)]
    if total is None or not marks:
        raise ValueError(f"not the output of wrk: {text!r}")
    bad = sum(int(number) for number in _BAD.findall(text))
    lost = _LOST.search(text)
    errors = bad + (sum(map(int, lost.groups())) if lost else 0)
    steps = [next((value for mark, value in marks if mark >= rank), marks[-1][1]) for rank in range(1, 101)]
    return Result(int(total[1]) - bad, errors, float(total[2]) * _UNITS[total[3]], steps)
