"""Keys and certificates for tests: nkeys, credentials of an operator's users, an authority and its certificates."""

import base64
import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import nkeys
import trustme

KINDS = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}


class Nkey:
    """One key pair."""

    def __init__(self, kind="user"):
        self.seed = nkeys.encode_seed(os.urandom(32), KINDS[kind]).decode()
        self.pair = nkeys.from_seed(bytearray(self.seed.encode()))
        self.public = self.pair.public_key.decode()

    def vouch(self, subject, name, kind, **more):
        """A JWT in which this key says who `subject` is."""
        claims = {
            "iat": int(time.time()),
            "iss": self.public,
            "sub": subject,
            "name": name,
            "nats": {"type": kind, "version": 2, **more},
        }
        claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
        parts = b".".join(_plain(json.dumps(one).encode()) for one in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        return (parts + b"." + _plain(self.pair.sign(parts))).decode()


def _plain(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Operator(NamedTuple):
    """A server's configuration that trusts one operator, and the credentials of a user there."""

    config: str
    creds: str


def operator():
    """A new operator with one account and one user."""
    top, system, account, user = Nkey("operator"), Nkey("account"), Nkey("account"), Nkey()
    limits = {"subs": -1, "data": -1, "payload": -1}
    every = {**limits, "conn": -1, "imports": -1, "exports": -1, "wildcards": True, "leaf": -1}
    preload = ", ".join(
        f"{one.public}: {top.vouch(one.public, 'A', 'account', limits=every)}" for one in (system, account)
    )
    top_jwt = top.vouch(top.public, "O", "operator", system_account=system.public)
    config = f"operator: {top_jwt}\nresolver: MEMORY\nresolver_preload: {{ {preload} }}\n"
    jwt = account.vouch(user.public, "ann", "user", **limits)
    return Operator(
        config,
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n",
    )


class Certificates(NamedTuple):
    """PEM files: an authority, what it gave to a server on 127.0.0.1 and to a client, and an authority of others."""

    ca: str
    server: str
    client: str
    other: str

    def config(self, more=""):
        """A server's configuration with TLS."""
        return f'tls {{ cert_file: "{self.server}", key_file: "{self.server}", ca_file: "{self.ca}", {more} }}'


def certificates(folder: Path):
    """Make them all in `folder`."""
    ours, others = trustme.CA(), trustme.CA()
    made = Certificates(*(str(folder / f"{name}.pem") for name in Certificates._fields))
    ours.cert_pem.write_to_path(made.ca)
    others.cert_pem.write_to_path(made.other)
    ours.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(made.server)
    ours.issue_cert("client.plait").private_key_and_cert_chain_pem.write_to_path(made.client)
    return made
