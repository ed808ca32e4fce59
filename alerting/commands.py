"""What people ask of alerting, as it travels: JSON, one request a message, answered under its own id."""

from typing import Annotated

import msgspec

from transport.errors import WireError

LONGEST_SHELF_S = 7 * 86_400.0  # what is put aside for longer is forgotten: mend the rule instead


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


class Comment(msgspec.Struct, frozen=True, kw_only=True, tag="comment", tag_field="kind"):
    """A person adds to the record of a case; nobody's calling ends by it."""

    id: str
    person: str
    ref: str
    note: str


class Escalate(msgspec.Struct, frozen=True, kw_only=True, tag="escalate", tag_field="kind"):
    """A person wants whoever is next to be told now, not when their time has come."""

    id: str
    person: str
    ref: str


class Shelve(msgspec.Struct, frozen=True, kw_only=True, tag="shelve", tag_field="kind"):
    """A person puts a story aside for a while; red is never put aside."""

    id: str
    person: str
    thread: str
    reason: str
    for_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_SHELF_S)]  # event time


class Unshelve(msgspec.Struct, frozen=True, kw_only=True, tag="unshelve", tag_field="kind"):
    """A person wants to hear of a story again."""

    id: str
    person: str
    thread: str


class FollowLink(msgspec.Struct, frozen=True, kw_only=True, tag="link", tag_field="kind"):
    """Somebody opened the link that was sent to one person: it says who, and of which case."""

    id: str
    token: str
    note: str = ""


Command = Acknowledge | Close | Comment | Escalate | Shelve | Unshelve | FollowLink


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
