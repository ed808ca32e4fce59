"""Links by which one person acknowledges one case: who holds the link need not give a name."""

import hmac
import secrets
import sqlite3
from hashlib import sha256

from alerting.errors import BadLinkError

_SIGNATURE = 22  # hex digits: 88 bits, guessed by nobody within a flood


def link_token(secret: bytes, case: str, person: str) -> str:
    """What stands in the link after the console's address; safe in a URL."""
    return f"{case}~{person}~{_sign(secret, case, person)}"


def answer_link(console: str, secret: bytes, case: str, person: str) -> str:
    """The address by which a person opens a case on the phone's page of the console, and answers it."""
    return f"{console.rstrip('/')}/m/{link_token(secret, case, person)}"


def read_token(secret: bytes, token: str) -> tuple[str, str]:
    """The case and the person of a token.

    Raises:
        BadLinkError: It is none of ours.
    """
    case, _, rest = token.partition("~")
    person, _, signature = rest.partition("~")
    if not hmac.compare_digest(signature.encode(), _sign(secret, case, person).encode()):
        raise BadLinkError
    return case, person


def keep_secret(connection: sqlite3.Connection) -> bytes:
    """The secret that signs this office's links; made when it is first asked for."""
    row = connection.execute("SELECT body FROM state WHERE kind = 'secret' AND name = 'links'").fetchone()
    if row is not None:
        return bytes(row[0])
    secret = secrets.token_bytes(32)
    connection.execute("INSERT INTO state (kind, name, body) VALUES ('secret', 'links', ?)", (secret,))
    return secret


def _sign(secret: bytes, case: str, person: str) -> str:
    return hmac.new(secret, f"{case}~{person}".encode(), sha256).hexdigest()[:_SIGNATURE]
