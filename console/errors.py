"""The errors that the console raises on purpose; each says what an HTTP client is told."""

from district.findings import Text


class ConsoleError(Exception):
    """Root of every error the console raises on purpose: a status, a stable code, and words for people."""

    status = 400
    code = "impossible"

    def __init__(self, words: Text) -> None:
        super().__init__(words.en)
        self.words = words


class NotSignedInError(ConsoleError):
    """Nobody is signed in, or no longer; signing in helps."""

    status, code = 401, "not-signed-in"


class SignInError(ConsoleError):
    """The name, the password or the code is wrong; which of them is not said."""

    status, code = 401, "wrong"


class SecondFactorError(ConsoleError):
    """The password is right; the code of the second factor is still to be given."""

    status, code = 401, "code-needed"


class NotAllowedError(ConsoleError):
    """The account's role or areas do not cover it; asking again cannot help."""

    status, code = 403, "not-allowed"


class NoSuchThingError(ConsoleError):
    """There is nothing of that name where the account may look."""

    status, code = 404, "no-such-thing"


class ClashError(ConsoleError):
    """It is taken, or somebody else was faster; look again."""

    status, code = 409, "clash"


class TooManyError(ConsoleError):
    """Too many attempts; a later one may succeed."""

    status, code = 429, "too-many"


class AwayError(ConsoleError):
    """A part that must answer is away; a later attempt may succeed."""

    status, code = 503, "away"


class AddressError(ConsoleError):
    """Nothing can be served at an address: it is taken, or none of this machine's."""

    status, code = 500, "address"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            Text(
                f"--listen {host}:{port}: {reason}; give another port, or 0 for any that is free",
                f"--listen {host}:{port}：{reason}；请换一个端口，0 表示任选",
            )
        )
