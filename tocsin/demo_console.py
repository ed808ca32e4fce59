"""The demo's console: in the demo's own process, with accounts of its own that end with it."""

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alerting.contacts import DUTY
from console.accounts import Account, Token, action
from console.app import ConsoleConfig, Opening, open_console
from console.office import Office
from console.proofs import fingerprint, hash_password, new_word
from console.roles import Role
from district.inventory import District
from tocsin.backtest import StoreHistory
from tocsin.wiring import Surroundings
from transport.clock import Clock
from transport.session import Endpoint

PORT = 8480
_HOST = "127.0.0.1"
_WALL_S = 86_400.0
_LEAD = "chief"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConsole:
    """Where the demo's console is, and how to come in."""

    url: str
    password: str  # of `duty`, an operator, and of `lead`, an approver
    wall: str  # the address of the wall


@asynccontextmanager
async def open_demo_console(
    folder: Path, state: Path, *, district: District, broker: Endpoint, clock: Clock, port: int
) -> AsyncIterator[DemoConsole]:
    """Serve while the block runs, at ``port`` or, where that is taken, at any other.

    Raises:
        OSError: The state's folder cannot be written.
    """
    folders = {part: state / part for part in ("console", "alerting", "collector")}
    for each in folders.values():
        each.mkdir(parents=True, exist_ok=True)
    config = ConsoleConfig(
        folder=folder,
        district=district,
        broker=broker,
        state_dir=folders["console"],
        alerting_dir=folders["alerting"],
        collector_dir=folders["collector"],
        history=StoreHistory(Surroundings(district=folder, state=state, clock=clock), district),
        clock=clock,
        host=_HOST,
        port=_free_or_any(port),
    )
    async with open_console(config) as opening:
        yield await _furnish(opening)


def _free_or_any(port: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind((_HOST, port))
        except OSError:
            return 0
    return port


async def _furnish(opening: Opening) -> DemoConsole:
    office, password, word = opening.office, secrets.token_hex(5), new_word()
    kept = hash_password(password)
    root = office.district.root_area
    accounts = [
        Account(name=name, title=title, role=role, areas=(root,), person=_holder(office, held), password=kept)
        for name, title, role, held in (
            ("duty", "值班员 Duty officer", Role.OPERATOR, DUTY),
            ("lead", "带班领导 Lead", Role.APPROVER, _LEAD),
        )
    ]
    wall = Token(
        name="wall",
        key=fingerprint(word),
        role=Role.VIEWER,
        areas=(root,),
        made_by="demo",
        ends_s=office.gate.now_s() + _WALL_S,
    )
    names = [account.name for account in accounts]
    await office.register.keep(*accounts, wall, record=action("demo", "began", accounts=names))
    return DemoConsole(url=opening.url, password=password, wall=f"{opening.url}/wall#{word}")


def _holder(office: Office, role: str) -> str:
    """Somebody who holds a role for the whole district, or else whoever is on duty for it."""
    root = office.district.root_area
    people = office.files.contacts.people
    for wanted in (role, DUTY):
        for person in people:
            if any(held.role == wanted and held.area == root for held in person.roles):
                return person.id
    return people[0].id
