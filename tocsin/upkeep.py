"""A technician at an instrument: what is under maintenance, and where its zero lies."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from district.amending import amend
from district.document import read_document
from district.fields import PositiveDuration
from district.load import DEVICES, load_district
from edge.maintenance import BOOK, Spell, enter, read_book, write_book
from tocsin.device import find_device, read_device
from tocsin.errors import TocsinError
from transport.measurement import from_ms, to_ms

LEVELLINGS = "levellings.jsonl"
_DIGITS = 4  # a tenth of a millimetre is more than any staff gauge shows


def gateway_state(folder: Path, state: Path | None, gateway: str) -> Path:
    """Where the agent of a gateway keeps what must outlast it."""
    place = (state or folder / "state") / f"edge-{gateway}"
    place.mkdir(parents=True, exist_ok=True)
    return place


class MaintenanceBook:
    """What is under maintenance on the gateways whose state lies here.

    Raises:
        InvalidFileError: The district has mistakes.
    """

    def __init__(self, folder: Path, state: Path | None) -> None:
        self._district = load_district(folder, areas=False)
        self._folder, self._state = folder, state

    def begin(self, device: str, lasting: str, *, by: str, reason: str) -> None:
        """Enter a device.

        Raises:
            TocsinError: There is no such device, or the time is none.
        """
        path = self._book(find_device(self._district, device).gateway)
        try:
            length = TypeAdapter(PositiveDuration).validate_python(lasting)
        except ValidationError as exc:
            raise TocsinError(f"--for {lasting}: write a time, as in 2h or 45m") from exc
        now = datetime.now(UTC)
        spell = Spell(device=device, since_ms=to_ms(now), until_ms=to_ms(now + length), by=by, reason=reason)
        write_book(path, enter(read_book(path), spell))

    def end(self, device: str) -> None:
        """Strike a device out.

        Raises:
            TocsinError: It is not under maintenance.
        """
        path = self._book(find_device(self._district, device).gateway)
        spells = read_book(path)
        left = [spell for spell in spells if spell.device != device]
        if len(left) == len(spells):
            raise TocsinError(f"{device} is not under maintenance")
        write_book(path, left)

    def spells(self) -> list[dict[str, str]]:
        """What is under maintenance now, in the district's time."""
        now_ms = to_ms(datetime.now(UTC))
        zone = self._district.timezone
        return [
            {
                "device": spell.device,
                "since": from_ms(spell.since_ms).astimezone(zone).isoformat(timespec="seconds"),
                "until": from_ms(spell.until_ms).astimezone(zone).isoformat(timespec="seconds"),
                "by": spell.by,
                "reason": spell.reason,
            }
            for gateway in self._district.gateways
            for spell in read_book(self._book(gateway))
            if spell.holds(now_ms)
        ]

    def _book(self, gateway: str) -> Path:
        return gateway_state(self._folder, self._state, gateway) / BOOK


def spoken(spells: Sequence[dict[str, str]]) -> str:
    """What is under maintenance, for a terminal."""
    if not spells:
        return "nothing is under maintenance"
    return "\n".join(
        f"{each['device']}  until {each['until']}  by {each['by']}"
        + (each["reason"] and f"  ({each['reason']})")
        for each in spells
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Levelling:
    """A datum that was set: who did it, by what, and what it was before."""

    at: datetime
    device: str
    point: str
    unit: str
    staff: float
    reading: float
    zero: float
    zero_before: float
    by: str

    def as_json(self) -> dict[str, Any]:
        """The levelling as it is recorded."""
        return {
            "at": self.at.isoformat(timespec="seconds"),
            **{name: getattr(self, name) for name in self.__slots__ if name != "at"},
        }

    def spoken(self) -> str:
        """The levelling for a terminal."""
        return (
            f"{self.device}: staff gauge {self.staff:g}, {self.point} {self.reading:g}: "
            f"datum zero {self.zero_before:g} → {self.zero:g} {self.unit}, by {self.by}\n"
            f"written to {DEVICES}; limits are compared at the centre: give its {DEVICES} the same line"
        )


def level(
    folder: Path,
    state: Path | None,
    device_id: str,
    *,
    point: str,
    staff: float,
    by: str,
    reading: float | None,
    endpoint: str | None,
) -> Levelling:
    """Set the datum of a device so that its present reading agrees with the staff gauge.

    Raises:
        TocsinError: There is no such device or point, it gives no good value, or the agent holds its port.
        AmendError: The file writes the datum in a way that cannot be changed alone.
        InvalidFileError: The district has mistakes, or would have.
    """
    district = load_district(folder, areas=False)
    device = find_device(district, device_id)
    if point not in device.points or device.points[point].counter:
        raise TocsinError(f"{device_id} has no level {point!r}; it has: {', '.join(device.points)}")
    if reading is None:
        reading = _asked(folder, device_id, point, endpoint)
    levelling = Levelling(
        at=datetime.now(UTC),
        device=device_id,
        point=point,
        unit=device.points[point].unit,
        staff=staff,
        reading=reading,
        zero=round(staff - reading, _DIGITS),
        zero_before=device.datum_zero,
        by=by,
    )
    _write(folder, levelling)
    record = gateway_state(folder, state, device.gateway) / LEVELLINGS
    with record.open("ab") as file:
        file.write(msgspec.json.encode(levelling.as_json()) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return levelling


def _asked(folder: Path, device: str, point: str, endpoint: str | None) -> float:
    visit = read_device(folder, device, point, endpoint)
    shown = next((row for row in visit.as_json()["points"] if row["point"] == point), None)
    if shown is None or shown["value"] is None or shown["quality"] != "good":
        raise TocsinError(
            f"{device} gives no good {point} now; where the running agent holds its port, give --reading"
        )
    return float(shown["value"])


def _write(folder: Path, levelling: Levelling) -> None:
    """Change the one value in devices.yaml; a change that would break the district is not made."""
    document = read_document(folder / DEVICES)
    place = next(index for index, row in document.rows("devices") if row.get("id") == levelling.device)
    location: list[str | int] = ["devices", place, "datum"]
    value = f"{{zero: {levelling.zero:.10g}}}"
    if document.at(*location) is not None:
        location.append("zero")
        value = f"{levelling.zero:.10g}"
    amended = amend((folder / DEVICES).read_text(encoding="utf-8"), location, value)
    with TemporaryDirectory() as trial:
        (Path(trial) / DEVICES).write_text(amended, encoding="utf-8")
        load_district(Path(trial), areas=False)
    _replace(folder / DEVICES, amended)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
