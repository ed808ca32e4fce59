"""Builds each room's configuration from a district and the options of a command: the wires of the house.

A gateway has no hub libraries, so each room is imported where it is wired.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from district.inventory import District
from district.load import AREAS, DEVICES, load_district
from tocsin.errors import TocsinError
from tocsin.kept import kept
from transport.clock import Clock, real_clock
from transport.session import Endpoint, TlsFiles, parse_endpoint

if TYPE_CHECKING:
    from console.app import Opening
    from edge.app import EdgeConfig
    from rules.rulebook import Rulebook

_COMPILED = "compiled"

Run = Callable[[asyncio.Event], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where one process stands: its district, its state, its broker and its clock."""

    district: Path
    state: Path
    broker: str | None = None  # overrides the district's
    clock: Clock = field(default_factory=real_clock)
    metrics: tuple[str, int] | None = None

    def state_of(self, part: str) -> Path:
        """The folder that ``part`` keeps its state in; it is made when absent."""
        folder = self.state / part
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def district_of(at: Surroundings, *, areas: bool = True) -> District:
    """The district, compiled before if its files have not changed since.

    Raises:
        InvalidFileError: A file has mistakes; it carries all of them.
    """
    names = [DEVICES, AREAS] if areas else [DEVICES]
    state = at.state_of(_COMPILED)
    return kept(District, at.district, names, state, lambda: load_district(at.district, areas=areas))


def rulebook_of(at: Surroundings, district: District) -> "Rulebook":
    """The district's rules, compiled before if no file has changed since.

    Raises:
        InvalidFileError: The file has mistakes; it carries all of them.
    """
    from rules.load import RULES, load_rules
    from rules.rulebook import Rulebook

    names = [DEVICES, AREAS, RULES]
    state = at.state_of(_COMPILED)
    return kept(Rulebook, at.district, names, state, lambda: load_rules(at.district, district))


def tls_files(district: District, client: str) -> TlsFiles | None:
    """The certificate of one client; none when the district does not ask for TLS."""
    if district.tls is None:
        return None
    return TlsFiles(
        authority=district.tls / "authority.pem",
        certificate=district.tls / f"{client}.pem",
        key=district.tls / f"{client}.key",
    )


def broker_of(district: District, at: Surroundings, client: str) -> Endpoint:
    """The broker that ``client`` speaks to.

    Raises:
        TocsinError: The district leaves it to ``tocsin up``, and nobody named one.
        EndpointError: The address is impossible or its certificates are missing.
    """
    tls = tls_files(district, client)
    if at.broker is not None:
        return parse_endpoint(at.broker, tls)
    if district.broker is None:
        raise TocsinError(
            "the district says `broker: auto`, which `tocsin up` and `tocsin demo` provide; "
            "to run one part alone, give --broker mqtt://HOST:PORT or name the broker in devices.yaml"
        )
    return Endpoint(
        host=district.broker.host, port=district.broker.port, tls=tls if district.broker.tls else None
    )


def edge(at: Surroundings, gateway: str | None, bus_endpoints: Mapping[str, str]) -> Run:
    """The agent of one gateway.

    Raises:
        TocsinError: The district has no such gateway or bus, or several gateways and none was named.
    """
    from edge.app import run

    config = edge_config(at, gateway, bus_endpoints)
    return lambda stop: run(config, stop)


def edge_config(at: Surroundings, gateway: str | None, bus_endpoints: Mapping[str, str]) -> "EdgeConfig":
    """What the agent of one gateway is told.

    Raises:
        TocsinError: The district has no such gateway or bus, or several gateways and none was named.
    """
    from edge.app import EdgeConfig
    from edge.configuration import choose
    from tocsin.edge_judge import edge_judge
    from tocsin.urgency import urgent_points

    if gateway is None:
        gateways = sorted(district_of(at, areas=False).gateways)
        if len(gateways) != 1:
            raise TocsinError(f"which gateway is this? Give --gateway, one of: {', '.join(gateways)}")
        (gateway,) = gateways
    district = choose(at.district, at.state / f"edge-{gateway}", partial(district_of, at, areas=False))
    if gateway not in district.gateways:
        known = ", ".join(sorted(district.gateways))
        raise TocsinError(f"no gateway {gateway!r} in devices.yaml; it has: {known}")
    buses = district.gateways[gateway].buses
    for bus in bus_endpoints:
        if bus not in buses:
            raise TocsinError(f"gateway {gateway} has no bus {bus!r}; it has: {', '.join(sorted(buses))}")
    return EdgeConfig(
        district=district,
        gateway=gateway,
        broker=broker_of(district, at, gateway),
        state_dir=at.state_of(f"edge-{gateway}"),
        clock=at.clock,
        metrics=at.metrics,
        bus_endpoints=bus_endpoints,
        urgent=urgent_points(at.district, district),
        folder=at.district,
        judge=edge_judge(at.district, district, gateway, at.clock.now_ms),
    )


def intake(at: Surroundings, gateway: str | None) -> Run:
    """The gateway that takes other people's readings.

    Raises:
        TocsinError: The district has no such gateway, or several and none was named.
    """
    from collector.foreign.app import run

    if gateway is None:
        intakes = [each.id for each in district_of(at, areas=False).gateways.values() if each.is_intake]
        if not intakes:
            raise TocsinError("no gateway in devices.yaml takes other people's readings; see docs/intake.md")
        if len(intakes) > 1:
            raise TocsinError(f"which one? Give --gateway, one of: {', '.join(intakes)}")
        (gateway,) = intakes
    config = edge_config(at, gateway, {})
    return lambda stop: run(config, at.district, os.environ, stop)


def collector(at: Surroundings, member: str | None = None) -> Run:
    """The collector and its store; ``member`` names it where several share the work."""
    from collector.app import CollectorConfig, run

    district = district_of(at)
    config = CollectorConfig(
        district=district,
        broker=broker_of(district, at, "collector"),
        store=district.store,
        state_dir=at.state_of("collector"),
        clock=at.clock,
        metrics=at.metrics,
        member=member,
    )
    return lambda stop: run(config, stop)


def rules(at: Surroundings) -> Run:
    """The rules engine."""
    from rules.app import RulesConfig, run
    from rules.load import load_rules

    district = district_of(at)
    config = RulesConfig(
        district=district,
        rulebook=rulebook_of(at, district),
        broker=broker_of(district, at, "rules"),
        state_dir=at.state_of("rules"),
        clock=at.clock,
        load=lambda: load_rules(at.district, district),
        metrics=at.metrics,
    )

    async def serve(stop: asyncio.Event) -> None:
        edited = asyncio.Event()  # as service managers ask for it: systemctl reload
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, edited.set)
        await run(config, stop, edited)

    return serve


def console(at: Surroundings, listen: str, said: "Callable[[Opening], None]") -> Run:
    """The console; ``said`` hears where it serves.

    Raises:
        TocsinError: The address to listen at is of another form.
    """
    from console.app import ConsoleConfig, run
    from tocsin.backtest import StoreHistory
    from tocsin.certs import CONSOLE_WEB

    district = district_of(at)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise TocsinError(f"--listen {listen!r}: expected HOST:PORT, as in 0.0.0.0:8480 or [::]:8480")
    web = district.tls / CONSOLE_WEB if district.tls else None
    config = ConsoleConfig(
        folder=at.district,
        district=district,
        broker=broker_of(district, at, "console"),
        state_dir=at.state_of("console"),
        alerting_dir=at.state_of("alerting"),
        collector_dir=at.state_of("collector"),
        history=StoreHistory(at, district),
        clock=at.clock,
        host=host.strip("[]"),
        port=int(port),
        certificate=web.with_suffix(".pem") if web else None,
        key=web.with_suffix(".key") if web else None,
    )
    return lambda stop: run(config, stop, said)


def alerting(at: Surroundings, *, echo: bool) -> Run:
    """Alerting, its ledger and its channels; ``echo`` shows console warnings on stdout too."""
    from alerting.app import AlertingConfig, run
    from alerting.load import load_contacts

    district = district_of(at)
    rulebook = rulebook_of(at, district)
    config = AlertingConfig(
        district=district,
        contacts=load_contacts(at.district, district, rulebook),
        rulebook=rulebook,
        broker=broker_of(district, at, "alerting"),
        state_dir=at.state_of("alerting"),
        clock=at.clock,
        metrics=at.metrics,
        secrets=os.environ,
        echo=echo,
    )
    return lambda stop: run(config, stop)
