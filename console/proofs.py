"""What proves who somebody is: passwords by argon2, codes of the hour by RFC 6238, and random words.

Pure: the time is handed in, and whoever keeps the proofs does so elsewhere.
"""

import base64
import hmac
import secrets
import struct
from hashlib import sha1, sha256
from urllib.parse import quote

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console.errors import ConsoleError
from district.findings import Text

SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 256  # argon2 takes more, and time with it
_STEP_S = 30
_DIGITS = 6
_SECRET_BYTES = 20
_DRIFT = 1  # steps by which a telephone's clock may differ

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP: 19 MiB, two passes
_decoy = _hasher.hash("nobody's password: a name that is not there takes as long as one that is")


def hash_password(password: str) -> str:
    """What is kept of a password.

    Raises:
        ConsoleError: It is too short, or longer than anybody types.
    """
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise ConsoleError(
            Text(
                f"a password has at least {SHORTEST_PASSWORD} characters",
                f"口令至少 {SHORTEST_PASSWORD} 个字符",
            )
        )
    return _hasher.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether a password is the one that was kept; without one it takes as long and is not."""
    try:
        _hasher.verify(kept or _decoy, password[:_LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def new_word() -> str:
    """A word that nobody guesses: for sessions, links and tokens."""
    return secrets.token_urlsafe(32)


def fingerprint(word: str) -> str:
    """What is kept of such a word: whoever reads the file cannot use it."""
    return sha256(word.encode()).hexdigest()


def new_totp_secret() -> str:
    """A secret for a second factor, as authenticators take it."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def totp_link(secret: str, account: str, issuer: str) -> str:
    """The address by which an authenticator takes a secret."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={secret}&issuer={quote(issuer)}"


def totp_code(secret: str, step: int) -> str:
    """The code of one step of thirty seconds (RFC 6238, SHA-1, six digits)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), sha1).digest()
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def totp_step(secret: str, code: str, *, now_s: float, after: int) -> int | None:
    """The step that a code belongs to; none if it is wrong, or not newer than ``after``: it was used."""
    present = int(now_s) // _STEP_S
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        if step > after and hmac.compare_digest(totp_code(secret, step), code.strip()):
            return step
    return None
