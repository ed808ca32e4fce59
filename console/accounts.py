"""What the console itself keeps: accounts, sessions, tokens, links, drafts of rules and their versions."""

from typing import Any, Literal

import msgspec

from console.roles import Role


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in."""

    name: str
    title: str
    role: Role
    areas: tuple[str, ...] = ()
    person: str = ""  # of the contacts, in whose name it answers
    password: str | None = None  # as argon2 keeps it
    totp: str | None = None  # the second factor's secret, once it is enrolled
    totp_step: int = 0  # of the newest code that was used
    failures: int = 0  # in a row
    locked_until_s: float = 0.0
    disabled: bool = False


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in at one screen."""

    key: str  # fingerprint of what the cookie holds
    account: str
    csrf: str
    began_s: float
    ends_s: float
    pending: str = ""  # a second factor's secret that is being enrolled; until then nothing else is allowed
    wall: bool = False  # of a screen on the wall: it sees, whatever its account may


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What a program, or a screen on the wall, shows instead of a name and a password."""

    name: str
    key: str  # fingerprint
    role: Role
    areas: tuple[str, ...]
    made_by: str
    ends_s: float


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link by which something is set once: the first three accounts, or a new account's password."""

    name: str  # of the account; empty for the first three
    key: str  # fingerprint
    ends_s: float


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that somebody proposes."""

    name: str
    text: str
    why: str
    author: str
    base: str  # fingerprint of the file that it changes
    made_ms: int
    state: Literal["open", "approved", "applied", "withdrawn"]
    approved_by: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that were in force."""

    number: int
    text: str
    why: str
    at_ms: int
    author: str = ""
    approved_by: str = ""
    applied_by: str = ""

    @property
    def name(self) -> str:
        """As it is kept."""
        return str(self.number)


Kept = Account | Session | Token | Invitation | Draft | Version


def action(who: str, what: str, **facts: Any) -> dict[str, Any]:
    """What the ledger says of something that somebody did at the console."""
    return {"who": who, "what": what, **facts}
