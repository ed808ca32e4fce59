"""A YAML file as people wrote it: its data, and the place of every key and value."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import ruamel.yaml
from pydantic import BaseModel, ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from district.findings import Finding, InvalidFileError, Place, SpecError, Text, closest

Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Document:
    """One YAML file, read once; made by :func:`read_document`."""

    def __init__(self, file: str, text: str, data: Any) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.data = data

    def place(self, location: Location, *, of_key: bool = False) -> Place:
        """Where the value at ``location`` stands, or its key.

        Steps that the file does not have (a missing key, a tag that a validator put in) are passed over, so
        the place of the nearest thing around is given.
        """
        node: Any = self.data
        mark = (0, 0)
        word = ""
        for index, step in enumerate(location):
            last = index == len(location) - 1
            if isinstance(node, CommentedMap) and step in node:
                mark = node.lc.key(step) if (of_key and last) else node.lc.value(step)
                if not (of_key and last) and isinstance(node[step], CommentedMap | CommentedSeq):
                    mark = node.lc.key(step)  # a block is named by its key: its own mark is its first child
                word = str(step) if mark == node.lc.key(step) else str(node[step])
                node = node[step]
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                mark = node.lc.item(step)
                word = "" if isinstance(node[step], CommentedMap | CommentedSeq) else str(node[step])
                node = node[step]
        line, column = mark
        if column < len(self._line(line)) and self._line(line)[column] in "\"'":
            word = f'"{word}"'
        return Place(file=self.file, line=line + 1, column=column + 1, width=max(1, len(word)))

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

    def _line(self, line: int) -> str:
        return self.lines[line] if line < len(self.lines) else ""


def read_document(path: Path) -> Document:
    """Read a YAML file with positions.

    Raises:
        InvalidFileError: The file is absent, not UTF-8 or no YAML; the finding says where and why.
    """
    yaml = ruamel.yaml.YAML()
    start = Place(file=path.name, line=1, column=1)
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text)
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
    if not isinstance(data, CommentedMap):
        raise InvalidFileError([_no_yaml(start, "expected a mapping at the top")])
    return Document(path.name, text, data)


def _unreadable(place: Place, reason: str) -> Finding:
    return Finding(
        code="unreadable",
        place=place,
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


def parse(document: Document, model: type[Model]) -> tuple[Model | None, list[Finding]]:
    """Check a document against its model: the object if it holds, and every mistake if not."""
    try:
        return model.model_validate(document.data), []
    except ValidationError as exc:
        return None, [_translate(document, error, model) for error in exc.errors()]


def _translate(document: Document, error: Mapping[str, Any], model: type[BaseModel]) -> Finding:
    location: Location = tuple(step for step in error["loc"] if step != "[key]")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SpecError):
        return document.finding(
            cause.code,
            location if cause.at is None else (*location, cause.at),
            cause.what,
            cause.remedy,
            of_key="[key]" in error["loc"],
            suggestion=cause.suggestion,
        )
    name = str(location[-1]) if location else ""
    if error["type"] == "extra_forbidden":
        known = _fields_at(model, document.data, location[:-1])
        guess = closest(name, known)
        return document.finding(
            "unknown-key",
            location,
            Text(f"unknown key {name!r}", f"未知的键 {name!r}"),
            Text(f"use one of: {', '.join(sorted(known))}", f"可用的键：{'、'.join(sorted(known))}"),
            of_key=True,
            suggestion=guess,
        )
    if error["type"] == "missing":
        return document.finding(
            "missing-key",
            location,
            Text(f"{name!r} is missing", f"缺少 {name!r}"),
            Text(f"add {name!r} here", f"请在此处补上 {name!r}"),
            of_key=True,
        )
    message = str(error["msg"])
    expected = error.get("ctx", {}).get("expected") or error.get("ctx", {}).get("expected_tags")
    written = error.get("input")
    words = [word.strip(" '\"") for word in str(expected or "").replace(" or ", ",").split(",")]
    return document.finding(
        "wrong-value",
        location,
        Text(f"{written!r}: {message}", f"{written!r} 不符合要求：{message}"),
        Text("write a value of the expected kind", "请填写符合要求的值"),
        suggestion=closest(str(written), [word for word in words if word]),
    )


def _fields_at(model: type[BaseModel], data: Any, location: Location) -> set[str]:
    """The keys that the models allow at ``location``, by walking the JSON Schema beside the data."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})

    def resolve(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if "$ref" in node:
            return resolve(definitions[node["$ref"].rsplit("/", 1)[1]])
        branches: Sequence[Mapping[str, Any]] = node.get("anyOf") or node.get("oneOf") or ()
        return [found for branch in branches for found in resolve(branch)] or [node]

    nodes = resolve(schema)
    here = data
    for step in location:
        if not _has(here, step):
            continue  # a union's tag
        here = here[step]
        nodes = [found for node in nodes for child in _children(node, step) for found in resolve(child)]
        if isinstance(here, Mapping):
            nodes = [node for node in nodes if _matches(node, here)] or nodes
    return {name for node in nodes for name in node.get("properties", {})}


def _has(node: Any, step: str | int) -> bool:
    """Whether ``node[step]`` exists."""
    if isinstance(step, int) and isinstance(node, list):
        return 0 <= step < len(node)
    return isinstance(node, Mapping) and step in node


def _children(node: Mapping[str, Any], step: str | int) -> list[Mapping[str, Any]]:
    if isinstance(step, int):
        return [node["items"]] if "items" in node else []
    if step in node.get("properties", {}):
        return [node["properties"][step]]
    extra = node.get("additionalProperties")
    return [extra] if isinstance(extra, Mapping) else []


def _matches(node: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether a branch of a union is the one that ``data`` names by its constants."""
    for name, field in node.get("properties", {}).items():
        allowed = field.get("enum") or ([field["const"]] if "const" in field else None)
        if allowed is not None and name in data and data[name] not in allowed:
            return False
    return bool(node.get("properties"))
