"""Amending a YAML file as its author would: one value changes, every other character stays.

Comments, order, quotes and line breaks are the author's. The place of the value comes from the parser's own
marks; the text around it is not written anew.
"""

from collections.abc import Sequence

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from district.findings import DistrictError

Step = str | int


class AmendError(DistrictError):
    """The file has no such place, or writes it in a way that cannot be changed alone."""


def amend(text: str, location: Sequence[Step], value: str) -> str:
    """The text with ``value`` (YAML on one line) at ``location``; a last key that is missing is added.

    Raises:
        AmendError: What the location leads through is not there, or is no mapping; or the place is an alias.
    """
    *way, last = location
    parent: Node = YAML(typ="safe", pure=True).compose(text)
    for depth, step in enumerate(way):
        parent = _below(parent, step, location[: depth + 1])
    if isinstance(parent, MappingNode) and _find(parent, last) is None:
        return _added(text, parent, f"{last}: {value}")
    node = _below(parent, last, location)
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        raise AmendError(f"{_dotted(location)}: more than one line; edit it by hand")
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def _below(node: Node, step: Step, location: Sequence[Step]) -> Node:
    found: Node | None = None
    if isinstance(node, MappingNode):
        found = _find(node, step)
    elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        found = node.value[step]
    if found is None:
        raise AmendError(f"{_dotted(location)}: there is no such place in the file")
    if found.start_mark.index < node.start_mark.index:
        raise AmendError(f"{_dotted(location)}: written elsewhere, as an anchor; edit it by hand")
    return found


def _find(node: MappingNode, step: Step) -> Node | None:
    own = (value for key, value in node.value if isinstance(key, ScalarNode) and key.value == str(step))
    return next(own, None)


def _added(text: str, parent: MappingNode, entry: str) -> str:
    """The text with one more entry at the end of a mapping."""
    if parent.flow_style:
        end = parent.end_mark.index - 1  # before the brace
        before = text[:end].rstrip()
        separator = "" if before.endswith("{") else " " if before.endswith(",") else ", "
        return before + separator + entry + text[end:]
    first_key = parent.value[0][0]
    end = text.find("\n", _end_of(parent))
    indent = " " * first_key.start_mark.column
    if end < 0:
        return f"{text}\n{indent}{entry}\n"
    return f"{text[:end]}\n{indent}{entry}{text[end:]}"


def _end_of(node: Node) -> int:
    """Where the last character of a node stands; a block's own mark lies at whatever follows it."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(node, MappingNode) else last
    return int(node.end_mark.index)


def _dotted(location: Sequence[Step]) -> str:
    return ".".join(map(str, location))
