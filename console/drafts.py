"""Drafts of the rules: proposed by one, approved by another, applied, kept as a version, taken back."""

import os
import tempfile
from collections.abc import Awaitable, Callable
from difflib import unified_diff
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Literal

import msgspec

from console.accounts import Draft, Version, action
from console.errors import ClashError, NoSuchThingError, NotAllowedError
from console.register import Register
from district.findings import Text

DraftState = Literal["open", "approved", "applied", "withdrawn"]


def fingerprint_of(text: str) -> str:
    """The name of a text."""
    return sha256(text.encode()).hexdigest()


def difference(before: str, after: str) -> list[str]:
    """What differs, as people read it in a patch."""
    lines = unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    return list(lines)[2:]


class Drafting:
    """The only way by which the console changes the rules' file."""

    def __init__(
        self,
        register: Register,
        file: Path,
        *,
        now_ms: Callable[[], int],
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        self._register = register
        self._file = file
        self._now_ms = now_ms
        self._reload = reload

    @property
    def text(self) -> str:
        """The file as it is."""
        return self._file.read_bytes().decode("utf-8-sig")

    @property
    def drafts(self) -> list[Draft]:
        """Drafts that wait, newest first."""
        waiting = (one for one in self._register.every(Draft) if one.state in ("open", "approved"))
        return sorted(waiting, key=lambda one: -one.made_ms)

    @property
    def versions(self) -> list[Version]:
        """What was applied, newest first."""
        return sorted(self._register.every(Version), key=lambda one: -one.number)

    def draft(self, name: str) -> Draft:
        """One draft.

        Raises:
            NoSuchThingError: There is none of that name.
        """
        found = self._register.find(Draft, name)
        if found is None:
            raise NoSuchThingError(Text(f"there is no draft {name!r}", f"没有草稿 {name!r}"))
        return found

    def version(self, number: int) -> Version:
        """One version.

        Raises:
            NoSuchThingError: There is none of that number.
        """
        found = self._register.find(Version, str(number))
        if found is None:
            raise NoSuchThingError(Text(f"there is no version {number}", f"没有版本 {number}"))
        return found

    async def propose(self, text: str, why: str, base: str, *, by: str) -> Draft:
        """Put a draft before somebody else.

        Raises:
            ClashError: The file is another by now, or the draft changes nothing.
        """
        self._must_stand_on(base)
        if fingerprint_of(text) == base:
            raise ClashError(Text("nothing is changed", "没有任何修改"))
        draft = Draft(
            name=token_hex(4), text=text, why=why, author=by, base=base, made_ms=self._now_ms(), state="open"
        )
        await self._register.keep(
            draft,
            record=action(by, "proposed rules", draft=draft.name, why=why, sha256=fingerprint_of(text)),
        )
        return draft

    async def approve(self, name: str, *, by: str) -> Draft:
        """Approve somebody else's draft.

        Raises:
            NotAllowedError: It is one's own.
            ClashError: It does not wait for approval, or the file is another by now.
        """
        draft = self.draft(name)
        if draft.author == by:
            raise NotAllowedError(Text("another person approves your draft", "草稿须由他人审批"))
        self._must_be(draft, "open")
        self._must_stand_on(draft.base)
        changed = msgspec.structs.replace(draft, state="approved", approved_by=by)
        await self._register.keep(changed, record=action(by, "approved rules", draft=name))
        return changed

    async def apply(self, name: str, *, by: str) -> Version:
        """Put an approved draft in force.

        Raises:
            ClashError: It is not approved, or the file is another by now.
            AwayError: The rules engine did not confirm; the file is written, and holds from its next start.
        """
        draft = self.draft(name)
        self._must_be(draft, "approved")
        self._must_stand_on(draft.base)
        changed = msgspec.structs.replace(draft, state="applied")
        return await self._put(
            draft.text, draft.why, changed, author=draft.author, approved_by=draft.approved_by, by=by
        )

    async def withdraw(self, name: str, *, by: str) -> Draft:
        """Take a draft away.

        Raises:
            ClashError: It does not wait any more.
        """
        draft = self.draft(name)
        self._must_be(draft, "open", "approved")
        changed = msgspec.structs.replace(draft, state="withdrawn")
        await self._register.keep(changed, record=action(by, "withdrew rules", draft=name))
        return changed

    async def restore(self, number: int, *, by: str) -> Version:
        """Put a version that was in force before in force again: it was approved then.

        Raises:
            NoSuchThingError: There is none of that number.
            AwayError: The rules engine did not confirm; the file is written, and holds from its next start.
        """
        old = self.version(number)
        return await self._put(
            old.text, f"= {number}", None, author=old.author, approved_by=old.approved_by, by=by
        )

    async def _put(
        self, text: str, why: str, draft: Draft | None, *, author: str, approved_by: str, by: str
    ) -> Version:
        newest = self.versions[0].number if self.versions else 0
        kept: list[Version] = []
        if not newest:  # what stood before anybody used the console is a version too
            newest = 1
            kept.append(Version(number=1, text=self.text, why="", at_ms=self._now_ms()))
        version = Version(
            number=newest + 1,
            text=text,
            why=why,
            author=author,
            approved_by=approved_by,
            applied_by=by,
            at_ms=self._now_ms(),
        )
        record = action(
            by, "applied rules", version=version.number, why=why, author=author, approved_by=approved_by
        )
        _write(self._file, text)
        await self._register.keep(*kept, version, *([draft] if draft else []), record=record)
        await self._reload()
        return version

    def _must_stand_on(self, base: str) -> None:
        if fingerprint_of(self.text) != base:
            raise ClashError(
                Text("the rules were changed meanwhile: load them again", "规则已被他人修改，请重新载入")
            )

    @staticmethod
    def _must_be(draft: Draft, *states: str) -> None:
        if draft.state not in states:
            raise ClashError(Text(f"the draft is {draft.state}", f"草稿状态为 {draft.state}"))


def _write(file: Path, text: str) -> None:
    """Put a file in another's place, whole or not at all."""
    with tempfile.NamedTemporaryFile("wb", dir=file.parent, prefix=f".{file.name}.", delete=False) as new:
        new.write(text.encode())
        new.flush()
        os.fsync(new.fileno())
    made = Path(new.name)
    made.chmod(file.stat().st_mode & 0o777)
    made.replace(file)
