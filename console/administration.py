"""What administrators and security officers do with accounts; neither can do the other's part."""

from collections.abc import Callable

import msgspec

from console.accounts import Account, Session, Token, action
from console.errors import ClashError, NoSuchThingError, NotAllowedError
from console.gate import Gate
from console.proofs import fingerprint, new_word
from console.register import Register
from console.roles import Role
from district.findings import Text
from district.inventory import District


class Administration:
    """Makes accounts, gives them rights, and keeps tokens."""

    def __init__(
        self, register: Register, gate: Gate, district: District, *, now_s: Callable[[], float]
    ) -> None:
        self._register = register
        self._gate = gate
        self._district = district
        self._now_s = now_s

    async def make(self, name: str, title: str, *, by: str) -> str:
        """Make an account without any right; the word of the link by which its owner sets a password.

        Raises:
            ClashError: The name is taken.
        """
        if self._register.find(Account, name) is not None:
            raise ClashError(Text(f"{name!r} is taken", f"{name!r} 已存在"))
        account = Account(name=name, title=title, role=Role.VIEWER, disabled=True)
        await self._register.keep(account, record=action(by, "made an account", account=name, title=title))
        return await self._gate.invite(name, by=by)

    async def reset(self, name: str, *, by: str) -> str:
        """The word of a link by which an account's owner sets a new password.

        Raises:
            NoSuchThingError: There is no such account.
        """
        self._account(name)
        return await self._gate.invite(name, by=by)

    async def give(
        self, name: str, *, role: Role, areas: tuple[str, ...], person: str, disabled: bool, by: str
    ) -> Account:
        """Give an account its rights.

        Raises:
            NoSuchThingError: There is no such account or area.
            NotAllowedError: It is one's own, or nobody would be left who gives rights.
        """
        account = self._account(name)
        if name == by:
            raise NotAllowedError(Text("nobody gives themselves rights", "不得为自己授权"))
        for area in areas:
            if area not in self._district.areas:
                raise NoSuchThingError(Text(f"there is no area {area!r}", f"没有区域 {area!r}"))
        changed = msgspec.structs.replace(
            account, role=role, areas=areas, person=person, disabled=disabled, failures=0, locked_until_s=0.0
        )
        ended = [one for one in self._register.every(Session) if one.account == name]
        await self._register.keep(
            changed,
            drop=ended,  # whoever was signed in has the new rights only after signing in anew
            record=action(
                by, "gave rights", account=name, role=role, areas=areas, person=person, disabled=disabled
            ),
        )
        return changed

    async def forget_second_factor(self, name: str, *, by: str) -> None:
        """Let an account enrol a new second factor at its next sign-in.

        Raises:
            NoSuchThingError: There is no such account.
            NotAllowedError: It is one's own.
        """
        if name == by:
            raise NotAllowedError(Text("another officer must do this", "须由另一名管理员操作"))
        account = self._account(name)
        ended = [one for one in self._register.every(Session) if one.account == name]
        await self._register.keep(
            msgspec.structs.replace(account, totp=None, totp_step=0),
            drop=ended,
            record=action(by, "let a second factor be enrolled anew", account=name),
        )

    async def make_token(self, name: str, *, role: Role, areas: tuple[str, ...], days: float, by: str) -> str:
        """Make a token for a program or a screen; its word is shown once.

        Raises:
            ClashError: The name is taken.
            NotAllowedError: Programs administer nothing and act in nobody's name.
            NoSuchThingError: There is no such area.
        """
        if role is not Role.VIEWER:
            raise NotAllowedError(Text("a token only sees", "令牌只能用于查看"))
        if self._register.find(Token, name) is not None:
            raise ClashError(Text(f"{name!r} is taken", f"{name!r} 已存在"))
        for area in areas:
            if area not in self._district.areas:
                raise NoSuchThingError(Text(f"there is no area {area!r}", f"没有区域 {area!r}"))
        word = new_word()
        token = Token(
            name=name,
            key=fingerprint(word),
            role=role,
            areas=areas,
            made_by=by,
            ends_s=self._now_s() + days * 86_400,
        )
        await self._register.keep(
            token, record=action(by, "made a token", token=name, role=role, areas=areas)
        )
        return word

    async def withdraw_token(self, name: str, *, by: str) -> None:
        """End a token, and the screens that it opened.

        Raises:
            NoSuchThingError: There is none of that name.
        """
        token = self._register.find(Token, name)
        if token is None:
            raise NoSuchThingError(Text(f"there is no token {name!r}", f"没有令牌 {name!r}"))
        walls = [one for one in self._register.every(Session) if one.account == f"token:{name}"]
        await self._register.keep(drop=[token, *walls], record=action(by, "withdrew a token", token=name))

    def _account(self, name: str) -> Account:
        account = self._register.find(Account, name)
        if account is None:
            raise NoSuchThingError(Text(f"there is no account {name!r}", f"没有账号 {name!r}"))
        return account
