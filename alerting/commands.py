"""What people ask of alerting, as it travels: JSON, one request a message, answered under its own id."""

import msgspec

from transport.errors import WireError


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, tag="ack", tag_field="kind"):
    """A person says that they are awake and on it."""

    id: str  # of the request: the same at every repeat
    person: str
    ref: str  # a reply code, a case, or a thread
    by: str = "console"  # code, link, keypress, console
    note: str = ""


class Close(msgspec.Struct, frozen=True, kw_only=True, tag="close", tag_field="kind"):
    """A person says what was done, and that this is the end of it."""

    id: str
    person: str
    ref: str
    done: str


class FollowLink(msgspec.Struct, frozen=True, kw_only=True, tag="link", tag_field="kind"):
    """Somebody opened the link that was sent to one person: it says who, and of which case."""

    id: str
    token: str
    note: str = ""


Command = Acknowledge | Close | FollowLink


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request."""

    id: str
    ok: bool
    en: str
    zh: str


def encode_command(command: Command) -> bytes:
    """The request as it travels."""
    return msgspec.json.encode(command)


def decode_command(payload: bytes) -> Command:
    """Read a request.

    Raises:
        WireError: The payload is none.
    """
    try:
        command: Command = msgspec.json.decode(payload, type=Command)
    except msgspec.MsgspecError as exc:
        raise WireError(f"not a request: {exc}") from exc
    return command
