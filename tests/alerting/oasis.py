"""What makes a CAP 1.2 message right, written from the standard and not from our code.

The schema decides on structure; beyond it stand the rules that a schema cannot say.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree
from shapely import Polygon

from alerting.capcheck.verdict import judge

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
IDENTIFIER = re.compile(r"[0-9]{6}[0-9A-Za-z]{8}_[0-9]{14}_[1-9][0-9]*")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
FORBIDDEN = re.compile(r"[\s,<&]")


class Judge:
    """Holds messages against the schema and the rules beyond it."""

    def __init__(self, shared_data: Path) -> None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        self._parser = parser
        self._schema = etree.XMLSchema(etree.parse(shared_data / "cap" / "cap12.xsd", parser))

    def check(self, xml: bytes) -> Any:
        """Assert that a message is right; return its root."""
        verdict = judge({"issued.xml": xml})
        assert verdict.refused == verdict.advice == ()
        root = etree.fromstring(xml, self._parser)
        self._schema.assertValid(root)
        assert root.tag == f"{CAP}alert"
        identifier, sender = text(root, "identifier"), text(root, "sender")
        assert IDENTIFIER.fullmatch(identifier), identifier
        assert not FORBIDDEN.search(identifier + sender)
        sent = moment(text(root, "sent"))
        assert identifier.split("_")[1] == sent.strftime("%Y%m%d%H%M%S")
        assert (root.find(f"{CAP}restriction") is not None) == (text(root, "scope") == "Restricted")
        for reference in references(root):
            assert moment(reference[2]) <= sent, "a message refers to the future"
            assert reference[1] != identifier, "a message refers to itself"
        assert (text(root, "msgType") == "Update") == bool(references(root))
        infos = root.findall(f"{CAP}info")
        assert [text(info, "language") for info in infos] == ["zh-CN", "en-US"]
        assert len({(text(info, "category"), code(info, "eventCode")) for info in infos}) == 1
        for info in infos:
            check_info(info, sent)
        return root


def check_info(info: Any, sent: datetime) -> None:
    effective, expires = moment(text(info, "effective")), moment(text(info, "expires"))
    assert sent <= effective < expires
    for name in ("urgency", "severity", "certainty"):
        assert text(info, name) != "Unknown"
    headline, description, instruction = (text(info, n) for n in ("headline", "description", "instruction"))
    assert 0 < len(headline) < 140
    assert len({headline, description, instruction}) == 3
    areas = info.findall(f"{CAP}area")
    assert areas
    for area in areas:
        assert text(area, "areaDesc")
        assert all(value.text and value.text == value.text.strip() for value in area.iter(f"{CAP}value"))
        for polygon in area.findall(f"{CAP}polygon"):
            check_polygon(polygon.text)


def check_polygon(words: str) -> None:
    corners = [tuple(map(float, pair.split(","))) for pair in words.split(" ")]
    assert len(corners) >= 4
    assert corners[0] == corners[-1]
    assert all(18 < lat < 54 and 73 < lon < 135 for lat, lon in corners), "latitude comes first"
    assert Polygon(corners).is_valid


def text(node: Any, name: str) -> str:
    found = node.findtext(f"{CAP}{name}")
    assert found, f"{name} is missing or empty"
    return str(found)


def moment(words: str) -> datetime:
    assert TIME.fullmatch(words), words
    return datetime.fromisoformat(words)


def code(info: Any, name: str) -> tuple[str, ...]:
    return tuple(str(value.text) for value in info.find(f"{CAP}{name}"))


def references(root: Any) -> list[tuple[str, str, str]]:
    words = root.findtext(f"{CAP}references") or ""
    triples = [tuple(one.split(",")) for one in words.split()]
    assert all(len(triple) == 3 for triple in triples)
    return triples
