"""Plays the whole mesh with many seeds, on every processor: `python -m tests.testing.sweep --seeds 1000`.

With `--plant BUG` the sweep must find that bug: it ends at the first seed that does, and plays that one twice again.
"""

import argparse
import multiprocessing
import os
import sys
import time

from plait.testing import SimulationFailed
from tests.testing.planted import PLANTS, planted
from tests.testing.whole import play


def one(job):
    """Return (seed, messages, reason, digest of the trace's last lines) of one run."""
    seed, plant, seconds = job
    with planted(plant):
        try:
            run = play(seed, seconds)
        except SimulationFailed as failed:
            return seed, 0, str(failed.reason), hash(tuple(failed.trace)), str(failed)
        return seed, run.messages, "", 0, ""


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seconds", type=float, default=20.0, help="virtual seconds of each run under faults")
    options.add_argument("--plant", default="", choices=["", *PLANTS])
    asked = options.parse_args()
    began, found, messages = time.monotonic(), [], 0
    jobs = [(seed, asked.plant, asked.seconds) for seed in range(asked.first, asked.first + asked.seeds)]
    # One hash seed for all: an interpreter of its own for each worker takes it from the environment.
    os.environ.setdefault("PYTHONHASHSEED", "0")
    with multiprocessing.get_context("spawn").Pool(maxtasksperchild=100) as pool:
        for done, (seed, carried, reason, _, told) in enumerate(pool.imap(one, jobs), 1):
            messages += carried
            if reason:
                found.append(seed)
                print(f"seed {seed}: {reason}" if asked.plant else told, flush=True)
                if asked.plant:
                    break
            if done % 100 == 0:
                print(
                    f"{done} seeds, {len(found)} failed, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
                )
        if asked.plant and found:
            again = pool.map(one, [(found[0], asked.plant, asked.seconds)] * 2, chunksize=1)
            same = again[0][2:4] == again[1][2:4] and again[0][2] == reason
            print(f"{asked.plant}: found by seed {found[0]}, played again twice: {'the same' if same else 'DIFFERENT'}")
            sys.exit(0 if same else 1)
    print(f"{done} seeds, {messages} messages, {len(found)} failed{f': {found}' if found else ''}")
    sys.exit(bool(found) or bool(asked.plant))


if __name__ == "__main__":
    main()
