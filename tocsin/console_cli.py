"""What the commands that run a console say of it."""

import sys

from console.app import Opening


def say_where(opening: Opening) -> None:
    """Write to stderr where the console is, and at the first start the link that makes the first accounts."""
    sys.stderr.write(f"console: {opening.url}\n")
    if opening.first_link is not None:
        sys.stderr.write(f"make the first accounts, once, within a day: {opening.first_link}\n")
