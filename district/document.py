"""A YAML file as people wrote it: its data, and the place of every key and value."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from district.findings import Finding, InvalidFileError, Place, Text
from district.mistakes import Location, Mistake, explain, has

__all__ = ["Document", "Location", "Model", "parse", "read_document"]

Model = TypeVar("Model", bound=BaseModel)


class Document:
    """One YAML file, read once; made by :func:`read_document`.

    ``data`` is plain (dicts, lists, scalars). Of a key written twice the first counts.
    """

    def __init__(self, file: str, root: MappingNode, data: dict[Any, Any], findings: list[Finding]) -> None:
        self.file = file
        self.data = data
        self.findings = findings  # mistakes of the writing itself: keys written twice
        self._root = root

    def place(self, location: Location, *, of_key: bool = False) -> Place:
        """Where the value at ``location`` stands, or its key.

        A block is named by its key; an empty value too. Steps that the file does not have (a missing key)
        are passed over, so the place of the nearest thing around is given.
        """
        node: Node = self._root
        named = node  # what the place is shown at
        for index, step in enumerate(location):
            pair = _step(node, step)
            if pair is None:
                continue
            key, node = pair
            last = index == len(location) - 1
            by_key = key is not None and ((of_key and last) or _is_block(node) or _is_empty(node))
            named = key if by_key and key is not None else node
        return _place(self.file, named)

    def finding(
        self,
        code: str,
        location: Location,
        what: Text,
        remedy: Text,
        *,
        of_key: bool = False,
        suggestion: str | None = None,
    ) -> Finding:
        """A finding at ``location`` of this file."""
        return Finding(
            code=code,
            place=self.place(location, of_key=of_key),
            key=".".join(str(step) for step in location),
            what=what,
            remedy=remedy,
            suggestion=suggestion,
        )

    def at(self, *location: str | int) -> Any:
        """What is written at ``location``; None if nothing is."""
        node: Any = self.data
        for step in location:
            if not has(node, step):
                return None
            node = node[step]
        return node

    def block(self, *location: str | int) -> Mapping[Any, Any]:
        """The mapping at ``location``; empty if something else or nothing is there."""
        node = self.at(*location)
        return node if isinstance(node, Mapping) else {}

    def rows(self, *location: str | int) -> Iterator[tuple[int, Mapping[Any, Any]]]:
        """The mappings in the list at ``location`` with their indices; none if it is no list."""
        node = self.at(*location)
        for index, row in enumerate(node if isinstance(node, list) else ()):
            if isinstance(row, Mapping):
                yield index, row


def read_document(path: Path) -> Document:
    """Read a YAML file with positions.

    Raises:
        InvalidFileError: The file is absent, not UTF-8 or no YAML; the finding says where and why.
    """
    start = Place(file=path.name, line=1, column=1)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a byte-order mark in front
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            raise InvalidFileError([_no_yaml(start, "expected keys and values at the top")])
        twice = list(_written_twice(path.name, root))
        yaml.constructor.allow_duplicate_keys = True
        data = yaml.constructor.construct_document(root)
    except OSError as exc:
        raise InvalidFileError([_unreadable(start, exc.strerror or str(exc))]) from exc
    except UnicodeDecodeError as exc:
        raise InvalidFileError([_unreadable(start, f"not UTF-8 at byte {exc.start}")]) from exc
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = Place(file=path.name, line=mark.line + 1, column=mark.column + 1) if mark else start
        raise InvalidFileError([_no_yaml(place, exc.problem or str(exc))]) from exc
    except YAMLError as exc:
        raise InvalidFileError([_no_yaml(start, str(exc))]) from exc
    return Document(path.name, root, data, twice)


def parse(document: Document, model: type[Model]) -> tuple[Model | None, list[Finding]]:
    """Check a document against its model: the object if it holds, and every mistake if not."""
    try:
        parsed = model.model_validate(document.data)
    except ValidationError as exc:
        mistakes = explain(exc.errors(), document.data, model)
        return None, [*document.findings, *(_finding(document, mistake) for mistake in mistakes)]
    return (None if document.findings else parsed), list(document.findings)


def _finding(document: Document, mistake: Mistake) -> Finding:
    return document.finding(
        mistake.code,
        mistake.location,
        mistake.what,
        mistake.remedy,
        of_key=mistake.of_key,
        suggestion=mistake.suggestion,
    )


def _step(node: Node, step: str | int) -> tuple[Node | None, Node] | None:
    """The key (in a mapping) and the value one step down; None if there is no such step."""
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return (None, node.value[step]) if 0 <= step < len(node.value) else None
    if isinstance(node, MappingNode):
        merged = len(getattr(node, "merge", None) or ())  # what `<<` brought in stands first and gives way
        for key, value in [*node.value[merged:], *node.value[:merged]]:
            if isinstance(key, ScalarNode) and key.value == str(step):
                return key, value
    return None


def _is_block(node: Node) -> bool:
    """Whether the node is a collection over several lines."""
    return isinstance(node, MappingNode | SequenceNode) and (
        not node.flow_style or node.start_mark.line != node.end_mark.line
    )


def _is_empty(node: Node) -> bool:
    return bool(node.start_mark.index == node.end_mark.index)


def _place(file: str, node: Node) -> Place:
    start, end = node.start_mark, node.end_mark
    one_line = not _is_block(node) and start.line == end.line
    return Place(
        file=file,
        line=start.line + 1,
        column=start.column + 1,
        width=max(1, end.column - start.column) if one_line else 1,
    )


def _written_twice(file: str, root: Node) -> Iterator[Finding]:
    """A finding for each key that its mapping has already."""
    seen_nodes: set[int] = set()  # an alias is one node in many places, perhaps inside itself
    ahead: list[tuple[Location, Node]] = [((), root)]
    while ahead:
        location, node = ahead.pop()
        if id(node) in seen_nodes:
            continue
        seen_nodes.add(id(node))
        if isinstance(node, SequenceNode):
            ahead += [((*location, index), child) for index, child in enumerate(node.value)]
        if not isinstance(node, MappingNode):
            continue
        first: dict[str, Node] = {}
        for key, value in node.value:
            ahead.append(((*location, str(key.value)), value))
            if not isinstance(key, ScalarNode) or first.setdefault(key.value, key) is key:
                continue
            line = first[key.value].start_mark.line + 1
            yield Finding(
                code="duplicate-key",
                place=_place(file, key),
                key=".".join(str(step) for step in (*location, key.value)),
                what=Text(
                    f"{key.value!r} is already written in line {line}",
                    f"{key.value!r} 在第 {line} 行已经写过",
                ),
                remedy=Text("keep one of the two", "请只保留一处"),
            )


def _unreadable(start: Place, reason: str) -> Finding:
    return Finding(
        code="unreadable",
        place=start,
        key="",
        what=Text(f"cannot be read: {reason}", f"无法读取：{reason}"),
        remedy=Text(
            "check that the file exists, is UTF-8 and may be read", "请确认文件存在、为 UTF-8 编码且可读"
        ),
    )


def _no_yaml(place: Place, reason: str) -> Finding:
    return Finding(
        code="no-yaml",
        place=place,
        key="",
        what=Text(f"not valid YAML: {reason}", f"不是合法的 YAML：{reason}"),
        remedy=Text("mend the line; indent with blanks, never tabs", "请修正该行；用空格缩进，不要用制表符"),
    )
