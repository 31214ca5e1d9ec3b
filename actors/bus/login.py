"""Who we are to the bus, and whom we trust there: password, token, nkey, JWT, certificates; `repr` shows no secret.

Files are read anew for each connection, so that a key or a certificate that was renewed is used from the next one on.
"""

import base64
import logging
import re
import ssl
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ..messages.error import BusDenied
from .address import Address

log = logging.getLogger(__name__)

NO_TLS = "it offers no TLS, and this login goes nowhere without"
REFUSALS = ("authorization violation", "authentication expired", "authentication revoked")
"""The complaints, in small letters, of a server that does not know us, or does not want us any more."""

_JWT = re.compile(r"-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+")
_SEED = re.compile(r"-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+")


class Login(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """How a connection proves who it is, and how it finds out who the server is. What a URL names goes before."""

    user: str = ""
    password: str = ""
    token: str = ""
    nkey: str = ""
    """A file with the seed of a user's nkey."""
    creds: str = ""
    """A file with a user's JWT and nkey seed, as `nsc` writes it."""
    ca: str = ""
    """A PEM file of the authorities that may vouch for the server; empty: the system's."""
    cert: str = ""
    """A PEM file with a certificate of our own."""
    key: str = ""
    """A PEM file with the certificate's key, where that is another file."""
    insecure: bool = False
    """Whether any certificate will do: whoever answers may then be anybody."""

    def __repr__(self) -> str:
        """Everything but secrets."""
        public = msgspec.structs.asdict(self.public())
        return f"Login({', '.join(f'{name}={value!r}' for name, value in public.items() if value)})"

    def public(self) -> "Login":
        """Return the part that is no secret: names and places of files."""
        return msgspec.structs.replace(self, password="", token="")

    def problem(self) -> str:
        """Return why this is no login; empty where it is one."""
        ways = [name for name in ("user", "token", "nkey", "creds") if getattr(self, name)]
        if len(ways) > 1:
            return f"{' and '.join(ways)} are ways to log in of which one is enough"
        if self.password and not self.user:
            return "a password without a user"
        return "a key without its certificate" if self.key and not self.cert else ""

    # Who we are

    def answer(self, to: Address, nonce: str) -> dict[str, str]:
        """Return what CONNECT says about who we are; `nonce` is what the server wants signed, empty where it does not.

        Raises:
            BusDenied: a file does not hold what it should.
        """
        if to.token:
            return {"auth_token": to.token}
        if to.user:
            return {"user": to.user, "pass": to.password}
        if self.creds and nonce:
            text = _read(self.creds, "credentials")
            jwt, seed = _JWT.search(text), _SEED.search(text)
            if jwt is None or seed is None:
                raise BusDenied(f"{self.creds} holds no credentials: a user's JWT and nkey seed, as nsc writes them")
            return {"jwt": jwt.group(1), "sig": _signed(nonce, seed.group(1), self.creds)[1]}
        if self.nkey and nonce:
            public, signature = _signed(nonce, _read(self.nkey, "nkey seed").strip(), self.nkey)
            return {"nkey": public, "sig": signature}
        if self.token:
            return {"auth_token": self.token}
        return {"user": self.user, "pass": self.password} if self.user else {}

    # Whom we trust

    def wants_tls(self, to: Address) -> bool:
        """Whether a connection without TLS is no connection, whatever the server says."""
        return to.tls or bool(self.ca or self.cert) or self.insecure

    def context(self) -> ssl.SSLContext:
        """Return what a TLS handshake needs.

        Raises:
            BusDenied: a file does not hold what it should.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            raise BusDenied(f"{self.ca} holds no certificates of an authority: {_why(error)}") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key or None, password="")
            except OSError as error:
                files = f"{self.cert} and {self.key}" if self.key else self.cert
                raise BusDenied(f"no client certificate and key in {files}: {_why(error)}") from None
        return context

    def warn(self, to: Address) -> None:
        """Say where certificates are not looked at: it is never silent."""
        if self.insecure:
            log.warning("%s: its certificate is not looked at (insecure): it may be anybody", to)


NOBODY = Login()
"""Proves nothing: for servers that ask nothing, and URLs with credentials of their own."""


def distrusted(error: BaseException) -> BusDenied | None:
    """Return the error for a TLS handshake that failed over certificates; None where it failed otherwise."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return BusDenied(f"its certificate is not trusted: {error.verify_message.rstrip('.')}")
    text = str(error).lower()
    if isinstance(error, ssl.SSLError) and "alert" in text and ("certificate" in text or "unknown ca" in text):
        return BusDenied(f"it does not take our client certificate: {error.reason or error}")
    return None


def _signed(nonce: str, seed: str, path: str) -> tuple[str, str]:
    """Return a seed's public key and its signature."""
    nkeys: Any = import_module("nkeys")  # most buses want no signature, and it loads a library of its own
    try:
        pair = nkeys.from_seed(bytearray(seed.encode()))
        public: str = pair.public_key.decode()
        signature = base64.urlsafe_b64encode(pair.sign(nonce.encode())).rstrip(b"=").decode()
    except (nkeys.NkeysError, ValueError):  # whose words may hold parts of the seed
        raise BusDenied(f"{path} holds no nkey seed") from None
    if not public.startswith("U"):
        raise BusDenied(f"{path} holds the nkey seed of something else than a user: a user's begins with SU")
    return public, signature


def _read(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BusDenied(f"{path} holds no {what}: it is no text") from None
    except OSError as error:
        raise BusDenied(f"the {what} in {path} cannot be read: {_why(error)}") from None


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return error.strerror or str(error)
