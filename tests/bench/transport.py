"""Requests per second and client CPU per request of the lean bus and nats-py, over a real server on loopback.

`python -m tests.bench.transport [--ceiling FILE]` takes under a minute. Callee and caller are processes of their own,
rounds are interleaved, medians are printed. FILE may hold another client to compare with: a module that has
`connect(port, name)`, returning an object with `subscribe(subject, deliver)`, `publish` and an awaitable `request`.
"""

import argparse
import asyncio
import importlib.util
import json
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import uvloop

from plait.actors.bus import lean, natspy

SUBJECT = b"plait.default.call.echo.get.echo-1.bench"
PAYLOAD = b"x" * 200
ROUNDS = 7
SECONDS = 0.6


def load(path):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location("ceiling", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def caller(kind, port, path):
    """Return a function `ask(done)` over a connection of this kind."""
    if kind == "ceiling":
        client = await load(path).connect(port, "bench")

        def ask(done):
            client.request(SUBJECT, PAYLOAD).add_done_callback(done)

        return ask
    module = lean if kind == "lean" else natspy
    bus = await module.connect(f"nats://127.0.0.1:{port}", "bench")
    prefix = b"plait.default.rsp.echo.bench." + bus.token.encode() + b"."
    bus.inbox(prefix + b"*")
    await bus.flush()
    number = 0

    def ask(done):
        nonlocal number
        number += 1
        bus.request(SUBJECT, PAYLOAD, prefix + b"%d" % number, done)

    return ask


async def measure(ask, outstanding):
    """Keep `outstanding` requests under way; return requests per second and CPU seconds per request."""
    loop = asyncio.get_running_loop()
    finished = loop.create_future()
    answered, running = 0, outstanding
    until = time.perf_counter() + SECONDS

    def done(_):
        nonlocal answered, running
        answered += 1
        if answered % 64 == 0 and time.perf_counter() > until:
            ending.append(True)
        if ending:
            running -= 1
            if not running and not finished.done():
                finished.set_result(None)
        else:
            ask(done)

    ending = []
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(outstanding):
        ask(done)
    await asyncio.wait_for(finished, SECONDS + 5)
    return answered / (time.perf_counter() - started), (time.process_time() - cpu) / answered


async def ask_for_ever(kind, port, path):
    """A caller: measures whenever a line with a number of outstanding requests comes in."""
    ask = await caller(kind, port, path)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await measure(ask, int(line))), flush=True)


async def answer_for_ever(kind, port, path):
    """The callee: always the lean bus, so that only the caller differs."""
    bus = await lean.connect(f"nats://127.0.0.1:{port}", "callee")
    bus.subscribe(SUBJECT, lambda subject, reply, payload, headers: bus.publish(reply, payload))
    await bus.flush()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await bus.close()


def start(role, port, path):
    """A process of ours in one role."""
    command = [sys.executable, "-m", "tests.bench.transport", "--role", role, "--port", str(port)]
    if path:
        command += ["--ceiling", path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ceiling")
    parser.add_argument("--role")
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    if options.role:
        work = answer_for_ever if options.role == "callee" else ask_for_ever
        uvloop.run(work(options.role, options.port, options.ceiling))
        return
    kinds = ["lean", "nats-py", *(["ceiling"] if options.ceiling else [])]
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(sysconfig.get_path("scripts")) / "nats-server"
        server = subprocess.Popen(
            [binary, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder, "-l", f"{folder}/log"]
        )
        try:
            ports = []
            end = time.monotonic() + 10
            while not ports and time.monotonic() < end:
                time.sleep(0.05)
                ports = [json.loads(file.read_text() or "{}") for file in Path(folder).glob("*.ports")]
            port = int(ports[0]["nats"][0].rsplit(":", 1)[1])
            callee = start("callee", port, None)
            processes.append(callee)
            callee.stdout.readline()
            callers = {kind: start(kind, port, options.ceiling) for kind in kinds}
            processes += callers.values()
            report(kinds, callers)
        finally:
            for process in processes:
                process.stdin.close()
                try:
                    process.wait(3)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(3)
                process.stdout.close()
            server.terminate()
            server.wait(5)


def report(kinds, callers):
    """Run the rounds, interleaved, and print the medians."""
    print("outstanding  client    requests/s    CPU µs/request")
    for outstanding in (32, 128):
        results = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind in kinds:
                callers[kind].stdin.write(f"{outstanding}\n")
                callers[kind].stdin.flush()
                results[kind].append(json.loads(callers[kind].stdout.readline()))
        for kind in kinds:
            rate, cpu = (statistics.median(column) for column in zip(*results[kind], strict=True))
            print(f"{outstanding:11}  {kind:8}  {rate:10,.0f}    {cpu * 1e6:14.2f}")


if __name__ == "__main__":
    main()
