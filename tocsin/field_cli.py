"""The technician's commands: ``tocsin bus`` and ``tocsin device``."""

from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from tocsin.findings import default_language
from tocsin.options import HERE, AsJson, Broker, BusEndpoints, District, Lang, State, around, endpoints_of
from tocsin.serve import FINDINGS, OK, USAGE, configure_logs, run_until_signal

bus_app = typer.Typer(help="Buses: what is asked on them, and who is there.", no_args_is_help=True)
device_app = typer.Typer(help="Single instruments.", no_args_is_help=True)

Endpoint = Annotated[
    str | None, typer.Option("--port", help="A serial port or HOST:PORT in place of the bus's own.")
]
DeviceId = Annotated[str, typer.Argument(help="A device of devices.yaml.")]


def register_field_commands(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(bus_app, name="bus")
    app.add_typer(device_app, name="device")
    app.command()(doctor)
    app.command()(report)
    app.command("init")(init_district)


def init_district(
    folder: Annotated[Path, typer.Argument(help="Where the four files go; made when absent.")],
    *,
    slug: Annotated[str, typer.Option("--id", prompt="Id (small letters, digits, hyphens)")],
    zh: Annotated[str, typer.Option(prompt="Name in Chinese")],
    en: Annotated[str, typer.Option(prompt="Name in English")],
    code: Annotated[str, typer.Option(prompt="Division code (GB/T 2260), six digits")],
    at: Annotated[str, typer.Option(prompt="Its middle: LON,LAT", help="LON,LAT, as in 120.16,30.29.")],
    telephone: Annotated[str, typer.Option(prompt="Telephone for warnings that find nobody else")],
    radius: Annotated[float, typer.Option(min=0.1, help="How far it reaches from there, in km.")] = 10.0,
    port: Annotated[str, typer.Option(help="The first serial port.")] = "/dev/serial/by-id/usb-CHANGE-ME",
    json: AsJson = False,
) -> None:
    """Write the four files of a new district, which `tocsin check` accepts; asks for what is not given."""
    from tocsin.check import check
    from tocsin.findings import render_findings
    from tocsin.fresh import Fresh, write_district

    try:
        lon, lat = (float(part) for part in at.split(","))
    except ValueError as exc:
        raise typer.BadParameter(f"--at {at}: write LON,LAT, as in 120.16,30.29") from exc
    fresh = Fresh(
        id=slug, zh=zh, en=en, code=code, lon=lon, lat=lat, radius_km=radius, telephone=telephone, port=port
    )
    with TemporaryDirectory() as trial:
        write_district(Path(trial), fresh)
        if findings := check(Path(trial)):
            typer.echo(render_findings(findings, Path(trial), default_language()), err=True)
            typer.echo("nothing was written: begin again", err=True)
            raise typer.Exit(USAGE)
    wrote = [str(file) for file in write_district(folder, fresh)]
    typer.echo(dumps({"wrote": wrote}) if json else "\n".join(f"wrote {file}" for file in wrote))


def doctor(
    district: District = HERE,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway's lines and spool.")] = None,
    bus: BusEndpoints = None,
    modem: Annotated[
        str | None, typer.Option(help="The port of a GSM modem; PORT@BAUD if not 115200.")
    ] = None,
    *,
    state: State = None,
    broker: Broker = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Look for what keeps a gateway from its work: lines, clock, disk, spool, broker; with remedies."""
    from tocsin.doctor import examine
    from tocsin.remark import spoken

    remarks = examine(around(district, state, broker, None), gateway, endpoints_of(bus))
    if modem is not None:
        from tocsin.doctor_modem import examine_modem

        port, _, baud = modem.partition("@")
        if baud and not baud.isdecimal():
            raise typer.BadParameter(f"--modem {modem}: write PORT or PORT@BAUD")
        remarks += examine_modem(port, int(baud or 115200))
    if json:
        typer.echo(dumps({"remarks": [each.as_json() for each in remarks]}, ensure_ascii=False))
    else:
        typer.echo(spoken(remarks, lang.value if lang else default_language()))
    raise typer.Exit(OK if all(each.is_well for each in remarks) else FINDINGS)


def report(
    district: District = HERE,
    gateway: Annotated[str | None, typer.Option(help="The gateway that is put into service.")] = None,
    bus: BusEndpoints = None,
    *,
    by: Annotated[str, typer.Option(help="Who does it.")] = "",
    soak: Annotated[float, typer.Option(min=0.0, help="Seconds of reading everything on end.")] = 60.0,
    outage: Annotated[float, typer.Option(min=0.0, help="Seconds the broker is cut off; 0: not.")] = 60.0,
    patience: Annotated[float, typer.Option(min=1.0, help="Seconds the centre has to acknowledge.")] = 60.0,
    out: Annotated[Path | None, typer.Option(help="The file; by default report-GATEWAY.html.")] = None,
    verify: Annotated[Path | None, typer.Option(help="Verify this report instead of making one.")] = None,
    key: Annotated[str | None, typer.Option(help="The fingerprint it must be signed with.")] = None,
    state: State = None,
    broker: Broker = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Put a gateway into service: read, soak, cut off and write a signed report; or verify one."""
    if verify is not None:
        _verify_report(verify, key, as_json=json)
        return
    if not by:
        raise typer.BadParameter("say who does it: --by NAME")
    from tocsin.commissioning import Trials, commission
    from tocsin.commissioning_page import commissioning_page
    from tocsin.signature import fingerprint_of, signed, signing_key

    at = around(district, state, broker, None)
    trials = Trials(soak_s=soak, outage_s=outage, patience_s=patience)
    done = commission(at, gateway, endpoints_of(bus), trials, by=by)
    signer = signing_key(done.config.state_dir / "report.key")
    fingerprint = fingerprint_of(signer.public_key())
    file = out or Path(f"report-{done.config.gateway}.html")
    page = commissioning_page(done, fingerprint, lang.value if lang else default_language())
    file.write_bytes(signed(page, signer))
    short = done.shortcomings
    if json:
        said = done.as_json() | {"file": str(file), "key": fingerprint}
        typer.echo(dumps(said, ensure_ascii=False))
    else:
        typer.echo(f"{file}, signed with {fingerprint}")
        typer.echo(f"wanting: {', '.join(short)}" if short else "nothing is wanting")
    raise typer.Exit(FINDINGS if short else OK)


def _verify_report(file: Path, key: str | None, *, as_json: bool) -> None:
    from tocsin.errors import TocsinError
    from tocsin.signature import SignatureError, verify

    try:
        fingerprint, fault = verify(file.read_bytes()), ""
    except SignatureError as exc:
        fingerprint, fault = "", str(exc)
    except OSError as exc:
        raise TocsinError(f"{file}: {exc.strerror}") from exc
    if fingerprint and key is not None and key.lower() != fingerprint:
        fault = f"another key signed it: {fingerprint}"
    if as_json:
        typer.echo(dumps({"ok": not fault, "key": fingerprint or None, "fault": fault or None}))
    else:
        typer.echo(f"✗ {file}: {fault}" if fault else f"✓ {file}: unchanged since {fingerprint} signed it")
    raise typer.Exit(FINDINGS if fault else OK)


@bus_app.command("plan")
def bus_plan(
    district: District = HERE,
    gateway: Annotated[str | None, typer.Option(help="Only this gateway's buses.")] = None,
    bus: Annotated[str | None, typer.Option(help="Only this bus.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Show how each Modbus bus is asked: requests, predicted time of each cycle, load."""
    from tocsin.bus import bus_plans, show_plans

    plans = bus_plans(district, gateway, bus)
    if json:
        typer.echo(dumps({"buses": plans}, ensure_ascii=False))
    else:
        show_plans(plans)


@bus_app.command("scan")
def bus_scan(
    ports: Annotated[list[str], typer.Argument(help="Serial ports or HOST:PORT.")],
    *,
    district: District = HERE,
    baud: Annotated[
        list[int] | None, typer.Option(help="Try this rate; repeatable. By default the six usual ones.")
    ] = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="Try these characters, as in 8E1; repeatable.")
    ] = None,
    units: Annotated[str, typer.Option(help="Unit ids, as in 1-247 or 1,5,9.")] = "1-247",
    wait_ms: Annotated[int, typer.Option(min=10, help="How long a unit may think.")] = 100,
    write: Annotated[
        Path | None, typer.Option(help="Write the district's devices.yaml with what is found.")
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway that has the ports.")] = None,
    site: Annotated[str | None, typer.Option(help="The site of what is found.")] = None,
    json: AsJson = False,
) -> None:
    """Find the Modbus units on ports of unknown settings; the time left is shown on stderr."""
    from edge.modbus.scan import FORMATS
    from tocsin.bus import COMMON_BAUDS, Sweep, scan_ports
    from tocsin.found import found_yaml

    configure_logs()
    sweep = Sweep(
        bauds=baud or COMMON_BAUDS, formats=form or FORMATS, units=_unit_ids(units), wait_s=wait_ms / 1000
    )
    devices = scan_ports(ports, sweep)
    if json:
        typer.echo(dumps({"found": [device.as_json() for device in devices]}))
    else:
        for device in devices:
            typer.echo(f"{device.port} {device.found.line or ''} unit {device.found.unit}")
    if write is not None and devices:
        write.write_text(found_yaml(district, devices, gateway=gateway, site=site), encoding="utf-8")
        typer.echo(f"wrote {write}", err=True)
    raise typer.Exit(0 if devices else FINDINGS)


def _unit_ids(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise typer.BadParameter(f"{text!r}: write unit ids as 1-247 or 1,5,9")
        found += range(int(first), int(last or first) + 1)
    if not found or not all(1 <= unit <= 247 for unit in found):  # noqa: PLR2004  (Modbus's own figure)
        raise typer.BadParameter("unit ids lie between 1 and 247")
    return tuple(dict.fromkeys(found))


@bus_app.command("sniff")
def bus_sniff(
    port: Annotated[str, typer.Argument(help="A serial port that nobody else has open.")],
    line: Annotated[str, typer.Option(help="Baud rate, bits, parity, stop.")] = "9600-8N1",
    seconds: Annotated[float | None, typer.Option(help="End after so long; else at Ctrl-C.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Listen to a Modbus RTU line that somebody else asks on, and say what passes."""
    from district.bus import parse_line
    from district.findings import SpecError
    from tocsin.bus import sniff_port

    configure_logs()
    try:
        setting = parse_line(line)
    except SpecError as exc:
        raise typer.BadParameter(exc.what.en) from exc
    sniff_port(port, setting, seconds=seconds, as_json=json)


@device_app.command("read")
def device_read(
    device: DeviceId,
    point: Annotated[str | None, typer.Argument(help="Only this point.")] = None,
    district: District = HERE,
    port: Endpoint = None,
    *,
    json: AsJson = False,
) -> None:
    """Read a device once: raw frames, values, verdicts, milliseconds."""
    from tocsin.device import read_device, show_visit

    configure_logs()
    visit = read_device(district, device, point, port)
    if json:
        typer.echo(dumps(visit.as_json(), ensure_ascii=False))
    else:
        show_visit(visit)
    raise typer.Exit(0 if visit.is_well else FINDINGS)


@device_app.command("decode")
def device_decode(
    words: Annotated[list[str] | None, typer.Argument(help="Registers: 0x42F6 0xE979, or 42F6E979.")] = None,
    *,
    device: Annotated[str | None, typer.Option(help="Read them from this device instead.")] = None,
    table: Annotated[str, typer.Option(help="holding or input.")] = "holding",
    addr: Annotated[int, typer.Option(help="From this address on, counted from 0.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=125, help="So many registers.")] = 4,
    near: Annotated[float | None, typer.Option(help="What the instrument shows now.")] = None,
    district: District = HERE,
    port: Endpoint = None,
    everything: Annotated[bool, typer.Option("--all", help="Not only the most plausible.")] = False,
    json: AsJson = False,
) -> None:
    """Read one block of registers in every type and order; the plausible one is marked."""
    from tocsin.device import meanings, parse_words, read_words, show_meanings

    configure_logs()
    if (device is None) == (not words):
        raise typer.BadParameter("give registers, or --device to read them from")
    block = (
        parse_words(words or [])
        if device is None
        else read_words(district, device, table=table, address=addr, count=count, endpoint=port)
    )
    rows = meanings(block, near)
    if json:
        typer.echo(dumps({"words": block, "readings": rows}, ensure_ascii=False))
    else:
        show_meanings(block, rows, everything=everything)


@device_app.command("live")
def device_live(
    device: DeviceId,
    district: District = HERE,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two readings.")] = 1.0,
    port: Endpoint = None,
) -> None:
    """Show a device's values as they change, until Ctrl-C."""
    from tocsin.device import watch_device

    configure_logs()
    run_until_signal(lambda stop: watch_device(district, device, port, every, stop))


@device_app.command("maintain")
def device_maintain(
    device: Annotated[str | None, typer.Argument(help="A device of devices.yaml.")] = None,
    *,
    lasting: Annotated[str | None, typer.Option("--for", help="How long, as in 2h or 45m.")] = None,
    by: Annotated[str, typer.Option(help="Who works on it.")] = "",
    reason: Annotated[str, typer.Option(help="What for.")] = "",
    end: Annotated[bool, typer.Option("--end", help="It is over before its time.")] = False,
    district: District = HERE,
    state: State = None,
    json: AsJson = False,
) -> None:
    """Say that a device is worked on, or list what is: nobody is alarmed by what it shows meanwhile."""
    from tocsin import upkeep

    configure_logs()
    book = upkeep.MaintenanceBook(district, state)
    if device is not None and end:
        book.end(device)
    elif device is not None:
        if lasting is None or not by:
            raise typer.BadParameter("say how long and who: --for 2h --by NAME; or --end")
        book.begin(device, lasting, by=by, reason=reason)
    spells = book.spells()
    typer.echo(dumps({"maintenance": spells}, ensure_ascii=False) if json else upkeep.spoken(spells))


@device_app.command("zero")
def device_zero(
    device: DeviceId,
    *,
    staff: Annotated[float, typer.Option(help="What the staff gauge shows, in the datum's frame.")],
    by: Annotated[str, typer.Option(help="Who read it.")],
    reading: Annotated[
        float | None, typer.Option(help="What the instrument shows; without it, it is asked.")
    ] = None,
    point: Annotated[str, typer.Option(help="The point that the datum belongs to.")] = "level",
    district: District = HERE,
    state: State = None,
    port: Endpoint = None,
    json: AsJson = False,
) -> None:
    """Set a gauge's datum from the staff gauge: writes devices.yaml, and who did it."""
    from tocsin import upkeep

    configure_logs()
    levelling = upkeep.level(
        district, state, device, point=point, staff=staff, by=by, reading=reading, endpoint=port
    )
    typer.echo(dumps(levelling.as_json(), ensure_ascii=False) if json else levelling.spoken(), nl=True)
