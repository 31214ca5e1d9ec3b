"""The embedded nats-server's configuration: loopback only, durable writes, an account that sees deaths."""

import json
from pathlib import Path

SYSTEM_USER = "plait-sys"
MESH_USER = "mesh"
MESH_PASSWORD = "mesh"  # noqa: S105  -- no secret: clients without credentials become this user

_CONFIG = """\
server_name: {name}
listen: "127.0.0.1:{port}"
{monitor}
ports_file_dir: {folder}
log_file: {log}
logfile_size_limit: 16MB

max_payload: 1MB
# A peer that is stopped or unplugged is noticed after two pings without an answer.
ping_interval: "2s"
# A client that does not read is cut off before it can fill the server's memory.
write_deadline: "2s"

jetstream {{
  store_dir: {store}
  # Each acknowledged write is on the disk: the lazy default may lose a whole bucket with the power.
  sync_interval: always
  max_file_store: {max_store}
}}

accounts {{
  # Sees connections come and go, may ask how JetStream keeps its files (`plait check`), and nothing else.
  SYS {{
    users: [{{
      user: {system_user}, password: {password}
      permissions: {{
        publish: {{ allow: "$SYS.REQ.SERVER.PING.JSZ" }}
        subscribe: {{ allow: ["$SYS.ACCOUNT.*.CONNECT", "$SYS.ACCOUNT.*.DISCONNECT", "_INBOX.>"] }}
      }}
    }}]
  }}
  MESH {{
    jetstream: enabled
    users: [{{ user: {mesh_user}, password: {mesh_password} }}]
  }}
}}
system_account: SYS
no_auth_user: {mesh_user}
"""


def render(folder: Path, *, port: int, password: str, max_store: int, monitor: bool, name: str) -> str:
    """Return the configuration of a server that keeps everything in `folder`.

    `port` -1 takes a free one, `max_store` is JetStream's share of the disk in bytes, `monitor` opens the server's own
    HTTP pages on a free loopback port.
    """
    quote = json.dumps  # the configuration's strings have JSON's escapes
    return _CONFIG.format(
        name=quote(name),
        port=port,
        monitor='http: "127.0.0.1:-1"' if monitor else "",
        folder=quote(str(folder)),
        log=quote(str(folder / "nats.log")),
        store=quote(str(folder / "jetstream")),
        max_store=max_store,
        system_user=SYSTEM_USER,
        password=quote(password),
        mesh_user=MESH_USER,
        mesh_password=MESH_PASSWORD,
    )
