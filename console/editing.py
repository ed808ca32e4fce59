"""Edits one value of a YAML file and leaves every other character as it was: comments, order, blank lines.

The file is never written anew from its data: an edit is a cut in its text, where the value stands.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from console.errors import ConsoleError
from district.findings import Text

Step = str | int
_PLAIN = re.compile(r"[\w.+/-][\w.+/ -]*", re.ASCII)  # what may stand bare anywhere, also within braces


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What shall stand at a place; none takes the place away."""

    path: tuple[Step, ...]
    value: str | None


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after all edits, one after the other.

    Raises:
        ConsoleError: The text is no YAML, or an edit's place is neither there nor can be made.
    """
    for edit in edits:
        text = _remove(text, edit.path) if edit.value is None else _put(text, edit.path, edit.value)
    return text


def _put(text: str, path: Sequence[Step], value: str) -> str:
    node: Node = _root(text)
    for depth, step in enumerate(path):
        found = _child(node, step)
        if found is None:
            if not isinstance(node, MappingNode):
                raise _no_place(path)
            return _insert(text, node, path[depth:], value)
        node = found[1]
    if not isinstance(node, ScalarNode):
        raise _no_place(path)
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    gap = " " if start == end and text[start - 1 : start] == ":" else ""  # there was no value yet
    return text[:start] + gap + _scalar(value) + text[end:]


def _insert(text: str, node: MappingNode, rest: Sequence[Step], value: str) -> str:
    pair = _pair(rest, value)
    if node.flow_style:
        end = node.end_mark.index - 1
        inner = text[node.start_mark.index + 1 : end]
        if not node.value:
            return text[: node.start_mark.index + 1] + pair + text[end:]
        last = node.start_mark.index + 1 + len(inner.rstrip())
        comma = " " if inner.rstrip().endswith(",") else ", "
        return text[:last] + comma + pair + text[last:]
    if not node.value:
        raise _no_place(rest)
    indent = " " * int(node.value[0][0].start_mark.column)
    line_end = _line_end(text, _last_leaf(node))
    new_line = "" if line_end and text[line_end - 1] == "\n" else "\n"
    return text[:line_end] + new_line + indent + pair + "\n" + text[line_end:]


def _remove(text: str, path: Sequence[Step]) -> str:
    parents: list[tuple[MappingNode, Node, Node]] = []
    node: Node = _root(text)
    for step in path:
        found = _child(node, step)
        if found is None:
            return text  # it is not there
        key, child = found
        if key is not None and isinstance(node, MappingNode):
            parents.append((node, key, child))
        node = child
    if not parents:
        raise _no_place(path)
    mapping, key, value = parents.pop()
    while len(mapping.value) == 1 and parents:  # what would be left is empty
        mapping, key, value = parents.pop()
    index = next(number for number, (each, _) in enumerate(mapping.value) if each is key)
    if not mapping.flow_style:
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        if text[start : key.start_mark.index].strip():  # the first of a list's entry: its dash stands there
            raise _no_place(path)
        return text[:start] + text[_line_end(text, _last_leaf(value)) :]
    if index:
        return text[: mapping.value[index - 1][1].end_mark.index] + text[value.end_mark.index :]
    if len(mapping.value) == 1:
        return text[: key.start_mark.index] + text[value.end_mark.index :]
    return text[: key.start_mark.index] + text[mapping.value[1][0].start_mark.index :]


def _root(text: str) -> Node:
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as exc:
        raise ConsoleError(Text(f"mend the text first: {exc}", f"请先修正文本：{exc}")) from exc
    if not isinstance(root, MappingNode):
        raise ConsoleError(Text("expected keys and values at the top", "文件顶层应为键值"))
    return root


def _child(node: Node, step: Step) -> tuple[Node | None, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return (None, node.value[step]) if 0 <= step < len(node.value) else None
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == str(step):
                return key, value
    return None


def _last_leaf(node: Node) -> Node:
    """What stands last in a node: a block's own end lies behind the comments that follow it."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    return node


def _line_end(text: str, node: Node) -> int:
    """Just after the line on which a node ends."""
    end = text.find("\n", node.end_mark.index)
    return len(text) if end < 0 else end + 1


def _pair(rest: Sequence[Step], value: str) -> str:
    words = _scalar(value)
    for step in reversed(rest[1:]):
        words = f"{{{_scalar(str(step))}: {words}}}"
    return f"{_scalar(str(rest[0]))}: {words}"


def _scalar(value: str) -> str:
    """A value as it may stand in the file: bare where that is sure, else in quotes."""
    value = value.strip()
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _no_place(path: Sequence[Step]) -> ConsoleError:
    words = ".".join(str(step) for step in path)
    return ConsoleError(
        Text(f"{words} cannot be edited by the form: edit the text", f"表单无法修改 {words}，请直接编辑文本")
    )
