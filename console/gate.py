"""The gate: signs people in and out, knows who is behind a cookie or a token, and locks out who guesses."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from console.accounts import Account, Invitation, Session, Token, action
from console.errors import (
    ConsoleError,
    NotAllowedError,
    NotSignedInError,
    SecondFactorError,
    SignInError,
    TooManyError,
)
from console.pace import Pace
from console.proofs import fingerprint, hash_password, is_password, new_totp_secret, new_word, totp_step
from console.register import Register
from console.roles import ADMINISTERING, SECOND_FACTOR, Deed, Reach, Role, may
from district.findings import Text
from district.inventory import District

_SESSION_S = 12 * 3600.0  # a shift
_WALL_S = 365 * 86_400.0
_INVITATION_S = 24 * 3600.0
_FAILURES = 5  # in a row, then the account is locked
_LOCKED_S = 900.0
_TRIES, _TRIES_WITHIN_S = 20, 60.0  # from one address
_WRONG = Text("the name, the password or the code is wrong", "用户名、口令或验证码错误")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever asks: what they may do, and where."""

    name: str
    title: str
    role: Role
    reach: Reach
    areas: tuple[str, ...]
    person: str = ""
    csrf: str | None = None  # none for a token: no browser sends it by itself
    enrolling: str = ""  # the secret of a second factor that has still to be confirmed
    wall: bool = False

    def may(self, deed: Deed) -> bool:
        """Whether the visitor may do a deed somewhere."""
        if self.enrolling or (self.wall and deed is not Deed.SEE):
            return False
        return may(self.role, deed)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """What is said of an account that shall be made."""

    name: str
    title: str
    password: str


class Gate:
    """Decides who comes in."""

    def __init__(self, register: Register, district: District, *, now_s: Callable[[], float]) -> None:
        self._register = register
        self._district = district
        self._now_s = now_s
        self._pace = Pace(_TRIES, _TRIES_WITHIN_S, now_s=now_s)
        self._hashing = asyncio.Semaphore(2)  # argon2 takes 19 MB and a core

    def now_s(self) -> float:
        """The time by which sessions and links end."""
        return self._now_s()

    def may_try(self, address: str) -> bool:
        """Whether somebody at an address may try a word once more; if so, it counts."""
        return self._pace.allows(address)

    async def invite_first(self) -> str | None:
        """The word of the link that sets the first three accounts; none once there are accounts."""
        if self._register.every(Account):
            return None
        return await self.invite("", by="console")

    async def invite(self, name: str, *, by: str) -> str:
        """The word of a link by which an account's password is set once; older ones no longer work."""
        word = new_word()
        older = [one for one in self._register.every(Invitation) if one.name == name]
        made = Invitation(name=name, key=fingerprint(word), ends_s=self._now_s() + _INVITATION_S)
        await self._register.keep(made, drop=older, record=action(by, "invited", account=name))
        return word

    async def begin(self, word: str, accounts: dict[Role, NewAccount], *, address: str) -> None:
        """Make the first accounts: one for each part of the administration.

        Raises:
            NotAllowedError: The link is used, too old, or there are accounts already.
            ConsoleError: A name or password is impossible, or one administers two parts.
        """
        invitation = self._invitation(word, address)
        if invitation.name or self._register.every(Account):
            raise NotAllowedError(Text("there are accounts already", "已有账号"))
        if set(accounts) != ADMINISTERING:
            raise ConsoleError(
                Text(
                    "name an administrator, a security officer and an auditor",
                    "请设置系统、安全、审计三名管理员",
                )
            )
        names = {one.name for one in accounts.values()}
        if len(names) != len(accounts):
            raise ConsoleError(
                Text("each part of the administration has an account of its own", "三员必须是三个不同的账号")
            )
        made = [
            Account(
                name=one.name,
                title=one.title,
                role=role,
                areas=(self._district.root_area,),
                password=await self._hash(one.password),
            )
            for role, one in accounts.items()
        ]
        await self._register.keep(
            *made, drop=[invitation], record=action("console", "began", accounts=sorted(names))
        )

    async def accept(self, word: str, password: str, *, address: str) -> str:
        """Set the password that an invitation is for; the account's name.

        Raises:
            NotAllowedError: The link is used or too old.
            ConsoleError: The password is impossible.
        """
        invitation = self._invitation(word, address)
        account = self._register.find(Account, invitation.name)
        if account is None:
            raise NotAllowedError(Text("this link is for another purpose", "链接用途不符"))
        changed = msgspec.structs.replace(
            account, password=await self._hash(password), failures=0, locked_until_s=0.0
        )
        await self._register.keep(
            changed,
            drop=[invitation, *self._sessions_of(account.name)],
            record=action(account.name, "set a password"),
        )
        return account.name

    async def sign_in(self, name: str, password: str, code: str, *, address: str) -> tuple[str, Session]:
        """Sign somebody in: the word for the cookie, and the session.

        Raises:
            TooManyError: Too many attempts from that address, or on that account.
            SignInError: Something is wrong.
            SecondFactorError: The password is right; the code is missing.
        """
        self._count(address)
        now_s = self._now_s()
        account = self._register.find(Account, name)
        if account is not None and account.locked_until_s > now_s:
            raise TooManyError(
                Text("this account is locked for a quarter of an hour", "该账号已锁定，请十五分钟后再试")
            )
        async with self._hashing:
            right = await asyncio.to_thread(is_password, account.password if account else None, password)
        if account is None or account.disabled or not right:
            await self._fail(account, name, address)
            raise SignInError(_WRONG)
        account = self._register.find(Account, name) or account  # others may have tried meanwhile
        pending = ""
        if account.totp is not None:
            if not code:
                raise SecondFactorError(Text("give the code of your authenticator", "请输入动态验证码"))
            step = totp_step(account.totp, code, now_s=now_s, after=account.totp_step)
            if step is None:
                await self._fail(account, name, address)
                raise SignInError(_WRONG)
            account = msgspec.structs.replace(account, totp_step=step)
        elif account.role in SECOND_FACTOR:
            pending = new_totp_secret()
        word = new_word()
        session = Session(
            key=fingerprint(word),
            account=name,
            csrf=new_word(),
            began_s=now_s,
            ends_s=now_s + _SESSION_S,
            pending=pending,
        )
        account = msgspec.structs.replace(account, failures=0)
        await self._register.keep(
            account, session, drop=self._ended(), record=action(name, "signed in", address=address)
        )
        return word, session

    async def enrol(self, word: str, code: str) -> None:
        """Confirm a second factor with its first code.

        Raises:
            NotSignedInError: There is no such session.
            ConsoleError: Nothing waits to be confirmed.
            SignInError: The code is wrong.
        """
        session = self._session(word)
        account = self._register.find(Account, session.account)
        if account is None or not session.pending:
            raise ConsoleError(Text("no second factor waits to be confirmed", "没有待确认的第二因子"))
        step = totp_step(session.pending, code, now_s=self._now_s(), after=0)
        if step is None:
            await self._fail(account, account.name, "")
            raise SignInError(_WRONG)
        await self._register.keep(
            msgspec.structs.replace(account, totp=session.pending, totp_step=step),
            msgspec.structs.replace(session, pending=""),
            record=action(account.name, "enrolled a second factor"),
        )

    async def sign_out(self, word: str) -> None:
        """End a session; one that has ended already is no mistake."""
        session = self._register.find(Session, fingerprint(word))
        if session is not None:
            await self._register.keep(drop=[session], record=action(session.account, "signed out"))

    async def open_wall(self, word: str, *, address: str) -> tuple[str, Session]:
        """A session for a screen on the wall, by a token: it only sees.

        Raises:
            NotSignedInError: There is no such token.
        """
        self._count(address)
        token = self._token(word)
        cookie = new_word()
        ends_s = min(token.ends_s, self._now_s() + _WALL_S)
        session = Session(
            key=fingerprint(cookie),
            account=f"token:{token.name}",
            csrf=new_word(),
            began_s=self._now_s(),
            ends_s=ends_s,
            wall=True,
        )
        await self._register.keep(
            session, drop=self._ended(), record=action(token.name, "opened a wall", address=address)
        )
        return cookie, session

    def by_cookie(self, word: str) -> Visitor:
        """Who is behind a cookie.

        Raises:
            NotSignedInError: Nobody, or no longer.
        """
        session = self._session(word)
        if session.wall:
            token = self._register.find(Token, session.account.removeprefix("token:"))
            if token is None:
                raise NotSignedInError(Text("the token was withdrawn", "令牌已撤销"))
            return self._program(token, csrf=session.csrf, wall=True)
        account = self._register.find(Account, session.account)
        if account is None or account.disabled:
            raise NotSignedInError(Text("the account is closed", "账号已停用"))
        return Visitor(
            name=account.name,
            title=account.title,
            role=account.role,
            reach=Reach(self._district, account.areas),
            areas=account.areas,
            person=account.person,
            csrf=session.csrf,
            enrolling=session.pending,
        )

    def by_token(self, word: str) -> Visitor:
        """Who is behind a token.

        Raises:
            NotSignedInError: Nobody, or no longer.
        """
        return self._program(self._token(word))

    def _program(self, token: Token, *, csrf: str | None = None, wall: bool = False) -> Visitor:
        return Visitor(
            name=f"token:{token.name}",
            title=token.name,
            role=token.role,
            reach=Reach(self._district, token.areas),
            areas=token.areas,
            csrf=csrf,
            wall=wall,
        )

    def _token(self, word: str) -> Token:
        key = fingerprint(word)
        token = next((one for one in self._register.every(Token) if one.key == key), None)
        if token is None or token.ends_s <= self._now_s():
            raise NotSignedInError(Text("this token is none of ours, or too old", "令牌无效或已过期"))
        return token

    def _session(self, word: str) -> Session:
        session = self._register.find(Session, fingerprint(word))
        if session is None or session.ends_s <= self._now_s():
            raise NotSignedInError(Text("sign in first", "请先登录"))
        return session

    def _invitation(self, word: str, address: str) -> Invitation:
        self._count(address)
        invitation = self._register.find(Invitation, fingerprint(word))
        if invitation is None or invitation.ends_s <= self._now_s():
            raise NotAllowedError(Text("this link was used, or is too old", "链接已使用或已过期"))
        return invitation

    def _count(self, address: str) -> None:
        if not self._pace.allows(address):
            raise TooManyError(Text("too many attempts: wait a minute", "尝试过于频繁，请一分钟后再试"))

    async def _fail(self, account: Account | None, name: str, address: str) -> None:
        """Count a failure; of what was typed for an unknown name nothing is kept: it may be a password."""
        if account is None:
            await self._register.record("unknown", "failed to sign in", address=address)
            return
        account = self._register.find(Account, account.name) or account
        failures = account.failures + 1
        locked = failures % _FAILURES == 0
        changed = msgspec.structs.replace(
            account,
            failures=failures,
            locked_until_s=self._now_s() + _LOCKED_S if locked else account.locked_until_s,
        )
        what = "was locked out" if locked else "failed to sign in"
        await self._register.keep(changed, record=action(name, what, address=address))

    async def _hash(self, password: str) -> str:
        async with self._hashing:
            return await asyncio.to_thread(hash_password, password)

    def _sessions_of(self, name: str) -> list[Session]:
        return [one for one in self._register.every(Session) if one.account == name]

    def _ended(self) -> list[Session]:
        return [one for one in self._register.every(Session) if one.ends_s <= self._now_s()]
