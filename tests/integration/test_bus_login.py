"""A whole mesh on a bus of others that wants TLS and a login: it works, and no command line or file shows a secret."""

import json
from pathlib import Path

from tests.integration.mesh import Mesh
from tests.keys import certificates

SECRET = "p,@ss-s3cret"


def test_a_mesh_logs_in_to_the_bus_of_others_and_shows_no_secret(start_nats, tmp_path):
    pem = certificates(tmp_path)
    server = start_nats(f'{pem.config()}\nauthorization {{ user: ann, password: "{SECRET}" }}')
    mesh = Mesh(tmp_path / "mesh")
    mesh.environment["PLAIT_NATS_PASSWORD"] = SECRET
    flags = ("--nats-user", "ann", "--nats-ca", pem.ca)
    mesh.up("--nats", server.url, *flags, "--app", "plait.examples.bookinfo.ratings:Ratings")
    try:
        done = mesh.plait("ls", "instances", *flags, "-o", "name")
        assert "ratings" in done.stdout, done.stderr
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in mesh.pids("plait.cli")]
        (file,) = mesh.run_folder.rglob("default.json")
        assert len(commands) == 2
        assert SECRET not in "".join(commands) + mesh.main.told() + file.read_text()
        assert json.loads(file.read_text())["login"]["user"] == "ann"
    finally:
        assert mesh.stop() == 0


def test_a_mesh_that_the_bus_refuses_ends_with_5_and_says_what_to_do(start_nats, tmp_path):
    server = start_nats(f'authorization {{ user: ann, password: "{SECRET}" }}')
    mesh = Mesh(tmp_path)
    done = mesh.plait("up", "--nats", server.url_for("ann:wr0ng"), "--app", "none", "--http", "0", "--admin", "0")
    assert done.returncode == 5, done.stderr
    assert "try: log in by" in done.stderr
    assert "wr0ng" not in done.stderr
    assert mesh.left() == []
