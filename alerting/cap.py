"""CAP 1.2 messages: values, and XML in the order the schema demands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from lxml import etree

from alerting.errors import CapError

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"

LatLon = tuple[float, float]

_ELEMENTS = {
    "areas": "area",
    "event_codes": "eventCode",
    "infos": "info",
    "msg_type": "msgType",
    "parameters": "parameter",
    "response_type": "responseType",
    "sender_name": "senderName",
    "value_name": "valueName",
}
_FORBIDDEN = set(" ,<&")  # in identifiers and senders: they stand in lists separated by these
_FEWEST_CORNERS = 4  # of a closed ring


def _element(field: str) -> str:
    """What CAP calls a field."""
    return _ELEMENTS.get(field, field)


class CapValue(msgspec.Struct, frozen=True, rename=_element):
    """A code or parameter."""

    value_name: str
    value: str


class CapArea(msgspec.Struct, frozen=True, kw_only=True):
    """Where: a description, closed rings of latitude and longitude (WGS 84), and codes."""

    area_desc: str
    polygons: tuple[tuple[LatLon, ...], ...] = ()
    geocodes: tuple[CapValue, ...] = ()

    def __post_init__(self) -> None:
        for ring in self.polygons:
            if len(ring) < _FEWEST_CORNERS or ring[0] != ring[-1]:
                raise ValueError(f"{self.area_desc}: a polygon needs four pairs, the last as the first")


class CapInfo(msgspec.Struct, frozen=True, kw_only=True, rename=_element):
    """What, for readers of one language."""

    language: str
    category: str
    event: str
    response_type: str
    urgency: str
    severity: str
    certainty: str
    event_codes: tuple[CapValue, ...] = ()
    effective: datetime
    expires: datetime
    sender_name: str
    headline: str
    description: str
    instruction: str
    parameters: tuple[CapValue, ...] = ()
    areas: tuple[CapArea, ...] = ()


class CapReference(msgspec.Struct, frozen=True):
    """An earlier message, as later ones name it."""

    sender: str
    identifier: str
    sent: datetime

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{format_time(self.sent)}"


class CapAlert(msgspec.Struct, frozen=True, kw_only=True, rename=_element):
    """One message; never changed once it is issued."""

    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    scope: str
    restriction: str | None = None
    references: tuple[CapReference, ...] = ()
    incidents: str
    infos: tuple[CapInfo, ...]

    def __post_init__(self) -> None:
        for name in (self.identifier, self.sender):
            if not name or _FORBIDDEN & set(name):
                raise ValueError(f"{name!r}: no blank, comma, '<' or '&' may stand in it")
        if self.msg_type in ("Update", "Cancel") and not self.references:
            raise ValueError(f"{self.identifier}: {self.msg_type} without a reference")
        if (self.scope == "Restricted") != (self.restriction is not None):
            raise ValueError(
                f"{self.identifier}: a restriction belongs to the scope Restricted, and to no other"
            )
        for info in self.infos:
            if not self.sent <= info.effective < info.expires:
                raise ValueError(f"{self.identifier}: times must run sent, effective, expires")

    def info(self, language: str) -> CapInfo:
        """The block for readers of ``language``, such as ``zh``; the first if there is none."""
        return next((info for info in self.infos if info.language.startswith(language)), self.infos[0])


def format_time(instant: datetime) -> str:
    """``2026-07-20T11:00:00+08:00``: whole seconds, a numeric offset, ``-00:00`` for UTC; never ``Z``.

    Raises:
        ValueError: The instant has no zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no zone")
    text = instant.replace(microsecond=0).isoformat()
    return f"{text[:-6]}-00:00" if text.endswith("+00:00") else text


def _format_ring(ring: Iterable[LatLon]) -> str:
    """Six decimals: a decimetre. Fewer would move a riverbank."""
    return " ".join(f"{lat:.6f},{lon:.6f}" for lat, lon in ring)


def write_xml(alert: CapAlert) -> bytes:
    """The message as XML, UTF-8, valid against the OASIS schema."""
    root = etree.Element(_tag("alert"), nsmap={None: NAMESPACE})
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", format_time(alert.sent))
    _add(root, "status", alert.status)
    _add(root, "msgType", alert.msg_type)
    _add(root, "scope", alert.scope)
    if alert.restriction is not None:
        _add(root, "restriction", alert.restriction)
    if alert.references:
        _add(root, "references", " ".join(map(str, alert.references)))
    _add(root, "incidents", alert.incidents)
    for info in alert.infos:
        _add_info(root, info)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add_info(root: Any, info: CapInfo) -> None:
    block = etree.SubElement(root, _tag("info"))
    _add(block, "language", info.language)
    _add(block, "category", info.category)
    _add(block, "event", info.event)
    _add(block, "responseType", info.response_type)
    _add(block, "urgency", info.urgency)
    _add(block, "severity", info.severity)
    _add(block, "certainty", info.certainty)
    _add_pairs(block, "eventCode", info.event_codes)
    _add(block, "effective", format_time(info.effective))
    _add(block, "expires", format_time(info.expires))
    _add(block, "senderName", info.sender_name)
    _add(block, "headline", info.headline)
    _add(block, "description", info.description)
    _add(block, "instruction", info.instruction)
    _add_pairs(block, "parameter", info.parameters)
    for area in info.areas:
        place = etree.SubElement(block, _tag("area"))
        _add(place, "areaDesc", area.area_desc)
        for ring in area.polygons:
            _add(place, "polygon", _format_ring(ring))
        _add_pairs(place, "geocode", area.geocodes)


def _add(parent: Any, name: str, text: str) -> None:
    etree.SubElement(parent, _tag(name)).text = text


def _add_pairs(parent: Any, name: str, pairs: Iterable[CapValue]) -> None:
    for pair in pairs:
        element = etree.SubElement(parent, _tag(name))
        _add(element, "valueName", pair.value_name)
        _add(element, "value", pair.value)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


@dataclass(frozen=True, slots=True)
class _Node:
    """One element, read by the names of its children."""

    element: Any

    def text(self, name: str) -> str:
        found = self.element.findtext(_tag(name))
        if found is None:
            raise CapError(f"<{name}> is missing in <{etree.QName(self.element).localname}>")
        return str(found)

    def time(self, name: str) -> datetime:
        return datetime.fromisoformat(self.text(name))

    def children(self, name: str) -> list["_Node"]:
        return [_Node(child) for child in self.element.findall(_tag(name))]

    def pairs(self, name: str) -> tuple[CapValue, ...]:
        return tuple(CapValue(child.text("valueName"), child.text("value")) for child in self.children(name))

    def optional(self, name: str) -> str | None:
        found = self.element.findtext(_tag(name))
        return None if found is None else str(found)


def read_xml(xml: bytes) -> CapAlert:
    """Read a message that :func:`write_xml` wrote; entities are never resolved.

    Raises:
        CapError: The text is no XML, or lacks what our messages have.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True)
    try:
        root = _Node(etree.fromstring(xml, parser))
        return CapAlert(
            identifier=root.text("identifier"),
            sender=root.text("sender"),
            sent=root.time("sent"),
            status=root.text("status"),
            msg_type=root.text("msgType"),
            scope=root.text("scope"),
            restriction=root.optional("restriction"),
            references=tuple(map(_read_reference, (root.optional("references") or "").split())),
            incidents=root.text("incidents"),
            infos=tuple(map(_read_info, root.children("info"))),
        )
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise CapError(f"no CAP message: {exc}") from exc


def _read_reference(text: str) -> CapReference:
    sender, identifier, sent = text.split(",")
    return CapReference(sender, identifier, datetime.fromisoformat(sent))


def _read_info(node: _Node) -> CapInfo:
    return CapInfo(
        language=node.text("language"),
        category=node.text("category"),
        event=node.text("event"),
        response_type=node.text("responseType"),
        urgency=node.text("urgency"),
        severity=node.text("severity"),
        certainty=node.text("certainty"),
        event_codes=node.pairs("eventCode"),
        effective=node.time("effective"),
        expires=node.time("expires"),
        sender_name=node.text("senderName"),
        headline=node.text("headline"),
        description=node.text("description"),
        instruction=node.text("instruction"),
        parameters=node.pairs("parameter"),
        areas=tuple(map(_read_area, node.children("area"))),
    )


def _read_area(node: _Node) -> CapArea:
    def corner(pair: str) -> LatLon:
        lat, lon = pair.split(",")
        return float(lat), float(lon)

    return CapArea(
        area_desc=node.text("areaDesc"),
        polygons=tuple(
            tuple(map(corner, str(ring.element.text).split())) for ring in node.children("polygon")
        ),
        geocodes=node.pairs("geocode"),
    )


def write_json(alert: CapAlert) -> bytes:
    """The message as JSON, for displays: the names and times are those of the XML."""
    return msgspec.json.encode(_plain(alert))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, CapReference):
        return str(value)
    if isinstance(value, CapArea):
        return {
            "areaDesc": value.area_desc,
            "polygon": [_format_ring(ring) for ring in value.polygons],
            "geocode": _plain(value.geocodes),
        }
    if isinstance(value, msgspec.Struct):
        contents = (
            (field.encode_name, getattr(value, field.name)) for field in msgspec.structs.fields(value)
        )
        return {name: _plain(content) for name, content in contents if content not in (None, ())}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
