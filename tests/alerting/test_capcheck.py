"""The judge of CAP messages: right ones pass, each broken one is refused for the right reason at its line."""

import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from alerting.capcheck.verdict import judge
from tests.alerting.messages import CAP_12, MESSAGE, PREDECESSOR, RING
from tests.tocsin.test_cli import tocsin


@dataclass(frozen=True)
class Broken:
    """A message with one mistake: what was replaced by what, the code expected and words at its line."""

    code: str
    old: str
    new: str
    line: str | None = None  # a part of the line that the finding names; by default of what was written anew


VARIANTS = {
    "polygon not closed": Broken("polygon-open", " 30.250000,120.100000</polygon>", "</polygon>"),
    "polygon of three pairs": Broken(
        "polygon-too-short", "30.280000,120.150000 30.270000,120.100000 ", "", "<polygon>"
    ),
    "polygon crosses itself": Broken(
        "polygon-invalid",
        "30.280000,120.150000 30.270000,120.100000",
        "30.270000,120.100000 30.280000,120.150000",
    ),
    "longitude first": Broken(
        "lon-lat-swapped",
        RING,
        " ".join(",".join(reversed(pair.split(","))) for pair in RING.split()),
    ),
    "a latitude beyond the pole": Broken("not-on-earth", "30.260000,120.150000", "90.260000,220.150000"),
    "pairs without commas": Broken("polygon-syntax", "30.260000,120.150000", "30.260000 120.150000"),
    "circle without radius": Broken("circle-empty", "30.26,120.12 5.5", "30.26,120.12 0"),
    "circle without centre": Broken("circle-syntax", "30.26,120.12 5.5", "5.5"),
    "ceiling without altitude": Broken("ceiling-alone", "<altitude>10</altitude>", "", "<ceiling>"),
    "ceiling below altitude": Broken("ceiling-below-altitude", "<ceiling>2000", "<ceiling>5"),
    "Z time": Broken("wrong-value", "2026-07-20T11:00:00+08:00</sent>", "2026-07-20T03:00:00Z</sent>"),
    "fraction of a second": Broken(
        "wrong-value", "11:00:00+08:00</effective>", "11:00:00.5+08:00</effective>"
    ),
    "time without offset": Broken("wrong-value", "23:00:00+08:00</expires>", "23:00:00</expires>"),
    "a day that there is not": Broken(
        "wrong-value", "-20T11:00:00+08:00</sent>", "-32T11:00:00+08:00</sent>"
    ),
    "update without reference": Broken(
        "missing-reference",
        "    <references>w@x.example,CN_1,2026-07-20T10:00:00+08:00</references>\n",
        "",
        "Update",
    ),
    "reference to itself": Broken("circular-reference", "w@x.example,CN_1,", "w@x.example,CN_2,"),
    "reference to the future": Broken("postdated-reference", "CN_1,2026-07-20T10", "CN_1,2026-07-20T12"),
    "reference of two parts": Broken("reference-syntax", "w@x.example,CN_1,", "CN_1,"),
    "reference named twice": Broken(
        "repeated-reference",
        "w@x.example,CN_1,2026-07-20T10:00:00+08:00",
        "w@x.example,CN_1,2026-07-20T10:00:00+08:00 w@x.example,CN_1,2026-07-20T10:00:00+08:00",
    ),
    "expired before sent": Broken("expired-before-sent", "2026-07-20T23:00:00", "2026-07-19T23:00:00"),
    "expired before its onset": Broken(
        "expired-before-onset", "2026-07-20T12:00:00", "2026-07-20T23:30:00", "expires>"
    ),
    "effective before sent": Broken(
        "effective-before-sent", "11:00:00+08:00</effective>", "10:00:00+08:00</effective>"
    ),
    "blank in the identifier": Broken("forbidden-character", "<identifier>CN_2", "<identifier>CN 2"),
    "comma in the sender": Broken("forbidden-character", "<sender>w@x", "<sender>w,x@x"),
    "empty identifier": Broken("empty-name", "<identifier>CN_2", "<identifier>"),
    "restricted to nobody": Broken("missing-restriction", "<scope>Public", "<scope>Restricted"),
    "private without addresses": Broken("missing-addresses", "<scope>Public", "<scope>Private"),
    "restriction of a public message": Broken(
        "needless-restriction", "</scope>", "</scope><restriction>duty</restriction>"
    ),
    "two categories": Broken(
        "differing-category", "<category>Met</category><!-- en -->", "<category>Geo</category>"
    ),
    "two event codes": Broken(
        "differing-event-code", "<value>flood</value><!-- en -->", "<value>fire</value>"
    ),
    "two languages, one text": Broken(
        "untranslated", "<description>The river rises", "<description>河水上涨"
    ),
    "empty geocode": Broken("empty-code", "<value>330199</value>", "<value/>"),
    "blanks in a code": Broken("blanks-in-code", "<value>330199</value>", "<value>330199 </value>"),
    "a word that CAP does not know": Broken("wrong-value", "<severity>Severe", "<severity>severe"),
    "an element too late": Broken(
        "misplaced-element",
        "<status>Actual</status>\n    <msgType>Update</msgType>",
        "<msgType>Update</msgType>\n    <status>Actual</status>",
        "<status>",
    ),
    "an element left out": Broken(
        "missing-element", "<certainty>Observed</certainty><!-- en -->", "", "<info><!-- en -->"
    ),
    "an element twice": Broken(
        "repeated-element", "<event>洪水</event>", "<event>洪水</event><event>洪水</event>"
    ),
    "an element of nobody": Broken(
        "unknown-element", "<event>洪水</event>", "<event>洪水</event><colour>red</colour>"
    ),
    "an attribute": Broken("unknown-attribute", "<event>洪水", '<event lang="zh">洪水'),
    "text between elements": Broken("stray-text", "</scope>", "</scope> and so on"),
    "no language": Broken("wrong-value", "<language>zh-CN", "<language>中文"),
    "no address": Broken("wrong-value", "https://x.example/2", "https://x.example/[2"),
    "a size in words": Broken("wrong-value", "<size>1024", "<size>1 kB"),
    "an altitude in words": Broken("wrong-value", "<altitude>10", "<altitude>low"),
    "a mime type left out": Broken("missing-element", "<mimeType>image/png</mimeType>", "", "<resource>"),
    "another namespace": Broken("not-cap", "cap:1.2", "cap:1.3"),
    "a document type": Broken("doctype", "<alert", "<!DOCTYPE alert>\n<alert", "DOCTYPE"),
    "torn in two": Broken("not-xml", "</alert>", ""),
}
NO_SCHEMAS_BUSINESS = ("doctype",)


@pytest.fixture(scope="module")
def schemas(shared_data: Path) -> Mapping[str, Any]:
    return {
        f"urn:oasis:names:tc:emergency:cap:1.{n}": etree.XMLSchema(
            etree.parse(shared_data / "cap" / f"cap1{n}.xsd")
        )
        for n in (1, 2)
    }


def schema_takes(xml: bytes, schemas: Mapping[str, Any]) -> bool:
    try:
        root = etree.fromstring(xml)
    except etree.XMLSyntaxError:
        return False
    schema = schemas.get(str(etree.QName(root).namespace))
    return schema is not None and bool(schema.validate(root))


def mine(xml: bytes) -> bool:
    return not judge({"m.xml": xml}).structure


def test_a_right_message_is_found_right(schemas: Mapping[str, Any]) -> None:
    verdict = judge({"m.xml": MESSAGE.encode()})

    assert (verdict.refused, verdict.advice) == ((), ())
    assert schema_takes(MESSAGE.encode(), schemas)


@pytest.mark.parametrize("broken", VARIANTS.values(), ids=VARIANTS.keys())
def test_each_mistake_is_refused_for_its_own_reason_at_its_line(broken: Broken) -> None:
    assert MESSAGE.count(broken.old) == 1, broken.old
    text = MESSAGE.replace(broken.old, broken.new)

    found = judge({"m.xml": text.encode()}).refused

    assert {one.code for one in found} == {broken.code}
    if broken.code != "not-xml":
        (finding,) = found
        line = text.splitlines()[finding.place.line - 1]
        assert (broken.line or broken.new.strip().splitlines()[0]) in line
        assert line[finding.place.column - 1 :][: finding.place.width].strip()
    for one in found:
        assert one.what.zh
        assert one.remedy.zh
        assert one.what.zh != one.what.en


@pytest.mark.parametrize("name", VARIANTS)
def test_the_verdict_on_structure_is_the_schemas_on_every_broken_message(
    name: str, schemas: Mapping[str, Any]
) -> None:
    broken = VARIANTS[name]
    if broken.code in NO_SCHEMAS_BUSINESS:
        return
    xml = MESSAGE.replace(broken.old, broken.new).encode()

    assert mine(xml) == schema_takes(xml, schemas)


def test_public_messages_pass_and_the_schema_says_the_same(
    shared_data: Path, schemas: Mapping[str, Any]
) -> None:
    files = sorted((shared_data / "cap").glob("*.xml"))

    assert len(files) >= 7
    for file in files:
        verdict = judge({file.name: file.read_bytes()})
        assert verdict.refused == (), file.name
        assert schema_takes(file.read_bytes(), schemas)


VALUES = (  # none with blanks around a date: libxml2 refuses what the schema's types allow there
    "",
    " ",
    "x",
    "Met",
    "AllClear",
    "Avoid",
    "Actual",
    "zh-CN",
    "zh_CN",
    "-1",
    "+12",
    "1.5",
    ".5",
    "1e3",
    "5.",
    "NaN",
    "2026-07-20T11:00:00+08:00",
    "2026-07-20T24:00:00+08:00",
    "2026-07-20T24:00:01+08:00",
    "2026-07-20T11:00:60+08:00",
    "2026-07-20T11:60:00+08:00",
    "2026-13-20T11:00:00+08:00",
    "2024-02-29T11:00:00-00:00",
    "2026-02-29T11:00:00+08:00",
    "0000-01-01T00:00:00+00:00",
    "2026-07-20T11:00:00+14:00",
    "2026-07-20T11:00:00+14:01",
    "2026-07-20T11:00:00+08:60",
    "2026-07-20T11:00:00,08:00",
    "2026-07-20T11:00:00Z",
    "2026-07-20T11:00:00",
    "2026-07-20T11:00:00.25+08:00",
    "12026-07-20T11:00:00+08:00",
    "-2026-07-20T11:00:00+08:00",
    "2026-07-20",
    "1900-02-29T00:00:00+00:00",
    "http://a.example/b?c=d#e",
    "http://a b",
    "a:b",
    "1:2",
    "a/b:c",
    "%zz",
    "%20",
    "http://[::1]/x",
    "中文",
    "#a#b",
    "?",
    "a[b]",
    "<",
    "mailto:a@b",
)

Change = Callable[[Any, random.Random], None]


def remove(element: Any, _chance: random.Random) -> None:
    element.getparent().remove(element)


def repeat(element: Any, chance: random.Random) -> None:
    copy = etree.fromstring(etree.tostring(element))
    copy.tail = "\n"
    parent = element.getparent()
    parent.insert(chance.randrange(len(parent) + 1), copy)


def move(element: Any, chance: random.Random) -> None:
    parent = element.getparent()
    parent.remove(element)
    element.tail = "\n"
    parent.insert(chance.randrange(len(parent) + 1), element)


def rewrite(element: Any, chance: random.Random) -> None:
    element.text = chance.choice(VALUES)


def rename(element: Any, chance: random.Random) -> None:
    names = sorted({one.tag for one in element.getroottree().iter() if isinstance(one.tag, str)})
    element.tag = chance.choice([*names, "{urn:x}event", f"{{{CAP_12}}}Event", "event"])


def adorn(element: Any, chance: random.Random) -> None:
    element.set(chance.choice(["id", "{http://www.w3.org/XML/1998/namespace}lang"]), "x")


def sign(element: Any, chance: random.Random) -> None:
    parent = element.getparent()
    mark = etree.fromstring(
        '<s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"><s:X>1</s:X></s:Signature>'
    )
    # elsewhere libxml2 is laxer than the schema: it takes a signature between two info blocks
    parent.insert(chance.choice([len(parent), 0]), mark)


CHANGES: tuple[Change, ...] = (remove, repeat, move, rewrite, rewrite, rewrite, rename, adorn, sign)


@settings(deadline=None, max_examples=5_000 if os.environ.get("TOCSIN_SOAK") else 300)
@given(
    seed=st.integers(0, 2**32),
    changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3),
    version=st.sampled_from(["cap:1.1", "cap:1.2"]),
)
def test_the_verdict_on_structure_is_the_schemas_on_messages_broken_at_random(
    schemas: Mapping[str, Any], seed: int, changes: list[Change], version: str
) -> None:
    chance = random.Random(seed)
    root: Any = etree.fromstring(MESSAGE.replace("cap:1.2", version).encode())
    for change in changes:
        elements = [one for one in root.iter() if isinstance(one.tag, str) and one is not root]
        change(chance.choice(elements), chance)
    xml = etree.tostring(root, encoding="UTF-8")

    assert mine(xml) == schema_takes(xml, schemas), xml.decode()


def test_messages_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    first = PREDECESSOR.replace("<msgType>Alert", "<msgType>Update").replace(
        "    <info>", "    <references>w@x.example,CN_2,2026-07-20T11:00:00+08:00</references>\n    <info>", 1
    )

    found = judge({"1.xml": first.encode(), "2.xml": MESSAGE.encode()}).refused

    assert {(one.code, one.place.file) for one in found} >= {
        ("circular-reference", "1.xml"),
        ("circular-reference", "2.xml"),
    }


def test_an_unexpired_message_of_the_story_must_be_named() -> None:
    third = MESSAGE.replace("CN_1,2026-07-20T10", "CN_2,2026-07-20T11").replace(
        "<identifier>CN_2", "<identifier>CN_3"
    )
    third = third.replace("T11:00:00+08:00</sent>", "T11:30:00+08:00</sent>")
    third = third.replace("T11:00:00+08:00</effective>", "T11:30:00+08:00</effective>")
    texts = {"1.xml": PREDECESSOR, "2.xml": MESSAGE, "3.xml": third}

    found = judge({name: text.encode() for name, text in texts.items()}).refused
    without = judge({name: text.encode() for name, text in texts.items() if name != "1.xml"}).refused

    assert [(one.code, one.place.file) for one in found] == [("missing-predecessor", "3.xml")]
    assert without == ()


def test_one_identifier_belongs_to_one_message() -> None:
    found = judge({"1.xml": MESSAGE.encode(), "2.xml": MESSAGE.encode()}).refused

    assert [(one.code, one.place.file) for one in found] == [("repeated-identifier", "2.xml")]


ADVISED = {
    "long-headline": ("<headline>下溪洪水橙色预警", "<headline>" + "很" * 140),
    "unknown-grade": ("<urgency>Immediate</urgency><!-- en -->", "<urgency>Unknown</urgency>"),
    "same-texts": ("<instruction>转移群众", "<instruction>河水上涨"),
    "coarse-polygon": (
        RING,
        "30.25,120.1 30.26,120.15 30.28,120.15 30.25,120.1",
    ),
    "nameless-exercise": ("<status>Actual", "<status>Exercise"),
    "utc-offset": ("2026-07-20T11:00:00+08:00</sent>", "2026-07-20T03:00:00+00:00</sent>"),
    "onset-before-sent": ("2026-07-20T12:00:00", "2026-07-20T10:30:00"),
}


@pytest.mark.parametrize("code", ADVISED)
def test_what_could_be_better_is_advised_and_refuses_nothing(code: str) -> None:
    old, new = ADVISED[code]
    assert old in MESSAGE

    verdict = judge({"m.xml": MESSAGE.replace(old, new, 1).encode()})

    assert (verdict.refused, [one.code for one in verdict.advice]) == ((), [code])


def test_the_command_names_file_line_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "m.xml"
    file.write_text(MESSAGE.replace("11:00:00+08:00</sent>", "03:00:00Z</sent>"), encoding="utf-8")

    shown = tocsin("cap", "validate", str(file), "--lang", "zh")
    data = tocsin("cap", "validate", str(file), "--json")

    assert (shown.returncode, data.returncode) == (1, 1)
    assert f"{file}:5:11: alert.sent: " in shown.stdout
    assert "不得用 Z" in shown.stdout
    (finding,) = json.loads(data.stdout)["findings"]
    assert (finding["code"], finding["line"]) == ("wrong-value", 5)


def test_the_command_takes_what_is_right_and_shows_it(tmp_path: Path) -> None:
    file = tmp_path / "m.xml"
    file.write_text(MESSAGE, encoding="utf-8")

    assert tocsin("cap", "validate", str(file)).returncode == 0
    assert "下溪洪水橙色预警" in tocsin("cap", "show", str(file), "--lang", "zh").stdout
    assert json.loads(tocsin("cap", "show", str(file), "--json").stdout)["identifier"] == "CN_2"
    assert tocsin("cap", "show", str(tmp_path / "absent.xml")).returncode == 2
