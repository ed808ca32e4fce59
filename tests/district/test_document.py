from pathlib import Path

import pytest

from district.document import Document, read_document
from district.findings import InvalidFileError

TEXT = """\
version: 1
site:
  name: {zh: 青山, en: "Qingshan"}
  at: [120.1, 30.2]
  empty:
list:
  - id: a
    limit: -1.5
  - id: b
base: &base {unit: m, scale: 2}
derived:
  <<: *base
  scale: 3
"""


@pytest.fixture
def document(tmp_path: Path) -> Document:
    path = tmp_path / "some.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return read_document(path)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (("version",), (1, 10, 1)),
        (("site",), (2, 1, 4)),  # a block is named by its key
        (("site", "name"), (3, 9, 24)),
        (("site", "name", "en"), (3, 22, 10)),
        (("site", "at", 1), (4, 15, 4)),
        (("site", "empty"), (5, 3, 5)),
        (("list", 0, "limit"), (8, 12, 4)),
        (("list", 1), (9, 5, 1)),
        (("derived", "scale"), (13, 10, 1)),
        (("derived", "unit"), (10, 20, 1)),  # where the merged block has it
        (("nowhere", "at", "all"), (1, 1, 1)),
    ],
)
def test_every_value_has_its_place(
    document: Document, location: tuple[str | int, ...], place: tuple[int, int, int]
) -> None:
    found = document.place(location)

    assert (found.line, found.column, found.width) == place


def test_every_key_has_its_place(document: Document) -> None:
    found = document.place(("list", 0, "limit"), of_key=True)

    assert (found.line, found.column, found.width) == (8, 5, 5)


def test_a_missing_key_is_shown_at_the_block_that_lacks_it(document: Document) -> None:
    found = document.place(("list", 1, "missing"), of_key=True)

    assert (found.line, found.column) == (9, 5)


def test_what_overrides_a_merged_key_counts(document: Document) -> None:
    assert document.data["derived"] == {"unit": "m", "scale": 3}


def test_every_key_written_twice_is_found_at_its_second_place(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("a: {x: 1, y: 2, x: 3}\nb: 1\na: 2\n")

    document = read_document(tmp_path / "twice.yaml")

    assert sorted((f.place.line, f.place.column, f.key) for f in document.findings) == [
        (1, 17, "a.x"),
        (3, 1, "a"),
    ]
    assert document.data == {"a": {"x": 1, "y": 2}, "b": 1}


def test_words_that_older_yaml_took_for_truth_values_are_text(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("flags: [N, no, on, y]\ntime: 08:30\n")

    assert read_document(tmp_path / "words.yaml").data == {"flags": ["N", "no", "on", "y"], "time": "08:30"}


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"a: 1\n\tb: 2\n", "no-yaml", 2, 1),
        (b"a: [1, 2\nb: 3\n", "no-yaml", 2, 2),
        (b"- a\n- b\n", "no-yaml", 1, 1),
        (b"", "no-yaml", 1, 1),
        (b"a: \xff\n", "unreadable", 1, 1),
        (b"a: !secret b\n", "no-yaml", 1, 4),
        (None, "unreadable", 1, 1),
    ],
)
def test_what_is_no_yaml_says_where(
    tmp_path: Path, content: bytes | None, code: str, line: int, column: int
) -> None:
    path = tmp_path / "broken.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InvalidFileError) as caught:
        read_document(path)

    (finding,) = caught.value.findings
    assert (finding.code, finding.place.line, finding.place.column) == (code, line, column)


def test_a_byte_order_mark_moves_no_column(tmp_path: Path) -> None:
    (tmp_path / "marked.yaml").write_text("key: 1\n", encoding="utf-8-sig")

    assert read_document(tmp_path / "marked.yaml").place(("key",), of_key=True).column == 1
