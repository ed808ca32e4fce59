"""What pydantic found, in words for the people who wrote the file, in both languages."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from re import search
from typing import Any

from pydantic import BaseModel

from district.findings import SpecError, Text, closest

Location = tuple[str | int, ...]

_EMPTY = Text("nothing is written here", "此处没有填写")
_LISTED = 12  # more words than this are not read by anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One error of validation: which key or value of the data, what is wrong and what to do."""

    code: str
    location: Location  # of the data; its last step may be the key that is missing
    what: Text
    remedy: Text
    of_key: bool = False
    suggestion: str | None = None


def has(node: Any, step: str | int) -> bool:
    """Whether plain data has a ``node[step]``."""
    if isinstance(node, list):
        return isinstance(step, int) and 0 <= step < len(node)
    return isinstance(node, Mapping) and isinstance(step, str | int) and step in node


_KINDS: dict[str, tuple[Text, Text]] = {  # by the first word of pydantic's error type
    "int": (
        Text("{} is no whole number", "{} 不是整数"),
        Text("write a whole number, as in 3", "请写整数，例如 3"),
    ),
    "float": (
        Text("{} is no number", "{} 不是数字"),
        Text("write a number, as in 0.5", "请写数字，例如 0.5"),
    ),
    "finite": (
        Text("{} is no number", "{} 不是数字"),
        Text("write a number, as in 0.5", "请写数字，例如 0.5"),
    ),
    "bool": (
        Text("{} is neither true nor false", "{} 不是 true 或 false"),
        Text("write true or false", "请写 true 或 false"),
    ),
    "string": (Text("{} is no text", "{} 不是文本"), Text('put it in quotes: "…"', '请加引号："…"')),
    "list": (Text("{} is no list", "{} 不是列表"), Text("write a list: [a, b]", "请写列表：[a, b]")),
    "tuple": (Text("{} is no list", "{} 不是列表"), Text("write a list: [a, b]", "请写列表：[a, b]")),
    "dict": (
        Text("{} is no block of keys", "{} 不是键值块"),
        Text("write key: value lines below it", "请在下面逐行写 键: 值"),
    ),
    "model": (
        Text("{} is no block of keys", "{} 不是键值块"),
        Text("write key: value lines below it", "请在下面逐行写 键: 值"),
    ),
}
_BOUNDS: dict[str, tuple[str, Text, Text]] = {
    "greater_than_equal": ("ge", Text("{} is too small", "{} 太小"), Text("write at least {}", "至少为 {}")),
    "greater_than": ("gt", Text("{} is too small", "{} 太小"), Text("write more than {}", "必须大于 {}")),
    "less_than_equal": ("le", Text("{} is too large", "{} 太大"), Text("write at most {}", "最多为 {}")),
    "less_than": ("lt", Text("{} is too large", "{} 太大"), Text("write less than {}", "必须小于 {}")),
}
_LENGTHS: dict[str, tuple[str, Text, Text]] = {
    "too_short": (
        "min_length",
        Text("too few entries", "条目太少"),
        Text("write at least {}", "至少写 {} 个"),
    ),
    "too_long": (
        "max_length",
        Text("too many entries", "条目太多"),
        Text("write at most {}", "最多写 {} 个"),
    ),
    "string_too_short": (
        "min_length",
        Text("the text is too short", "文本太短"),
        Text("write at least {} characters", "至少写 {} 个字"),
    ),
    "string_too_long": (
        "max_length",
        Text("the text is too long", "文本太长"),
        Text("write at most {} characters", "最多写 {} 个字"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Error:
    """One entry of ``ValidationError.errors()``, beside what it is about."""

    kind: str
    message: str
    steps: Location  # as pydantic says it: with the tags of unions, with the name of a missing key
    location: Location  # the part of it that the data have
    written: Any
    context: Mapping[str, Any]
    data: Any
    model: type[BaseModel]


def explain(entries: Iterable[Mapping[str, Any]], data: Any, model: type[BaseModel]) -> list[Mistake]:
    """The entries of ``ValidationError.errors()`` of ``data`` against ``model``."""
    return [_explain(entry, data, model) for entry in entries if not _is_echo(entry)]


def _is_echo(entry: Mapping[str, Any]) -> bool:
    """Whether a collection is called too short only because its entries are wrong, which is said anyway."""
    return bool(entry["type"] == "too_short" and len(entry["input"]) >= entry["ctx"]["min_length"])


def _explain(entry: Mapping[str, Any], data: Any, model: type[BaseModel]) -> Mistake:
    steps: Location = tuple(step for step in entry["loc"] if step != "[key]")
    error = _Error(
        kind=str(entry["type"]),
        message=str(entry["msg"]),
        steps=steps,
        location=_written(steps, data),
        written=entry["input"],
        context=entry.get("ctx", {}),
        data=data,
        model=model,
    )
    cause = error.context.get("error")
    if isinstance(cause, SpecError):
        mistake = _refused(error, cause)
    else:
        mistake = _EXPLAINED.get(error.kind, _wrong_value)(error)
    if error.written is None and error.kind not in _EXPLAINED:
        mistake = replace(mistake, what=_EMPTY)
    return replace(mistake, of_key=True) if "[key]" in entry["loc"] else mistake


def _refused(error: _Error, cause: SpecError) -> Mistake:
    return Mistake(
        code=cause.code,
        location=error.location if cause.at is None else (*error.location, cause.at),
        what=cause.what,
        remedy=cause.remedy,
        suggestion=cause.suggestion,
    )


def _wrong_value(error: _Error) -> Mistake:
    what, remedy = _worded(error.kind, _shown(error.written), error.context, error.message)
    return Mistake(code="wrong-value", location=error.location, what=what, remedy=remedy)


def _worded(kind: str, shown: str, context: Mapping[str, Any], message: str) -> tuple[Text, Text]:
    if kind in _BOUNDS:
        bound, what, remedy = _BOUNDS[kind]
        return _fill(what, shown), _fill(remedy, f"{context[bound]:g}")
    if kind in _LENGTHS:
        bound, what, remedy = _LENGTHS[kind]
        return what, _fill(remedy, str(context[bound]))
    if (words := _KINDS.get(kind.split("_", 1)[0])) is not None and kind != "string_pattern_mismatch":
        return _fill(words[0], shown), words[1]
    return (
        Text(f"{shown}: {message}", f"{shown} 不符合要求：{message}"),
        Text("write a value of the expected form", "请填写符合要求的值"),
    )


def _fill(text: Text, word: str) -> Text:
    return Text(text.en.format(word), text.zh.format(word))


def _shown(value: Any) -> str:
    """A value as messages show it: never a whole block."""
    if isinstance(value, Mapping):
        return "{…}"
    if isinstance(value, list | tuple):
        return "[…]"
    return repr(value)


def _discriminated(error: _Error) -> Location:
    """The key that tells the branches of a union apart."""
    return (*error.location, str(error.context["discriminator"]).strip("'"))


def _no_tag(error: _Error) -> Mistake:
    return _missing(_discriminated(error))


def _wrong_tag(error: _Error) -> Mistake:
    return _not_among(_discriminated(error), error.context["tag"], error.context["expected_tags"])


def _no_literal(error: _Error) -> Mistake:
    return _not_among(error.location, error.written, error.context["expected"])


def _no_key(error: _Error) -> Mistake:
    return _missing((*error.location, error.steps[-1]))


def _missing(location: Location) -> Mistake:
    name = location[-1]
    if isinstance(name, int):
        return Mistake(
            code="missing-value",
            location=location,
            what=Text(f"a value is missing: number {name + 1}", f"缺少第 {name + 1} 个值"),
            remedy=Text("write all values of the list", "请把列表写完整"),
        )
    return Mistake(
        code="missing-key",
        location=location,
        what=Text(f"{name!r} is missing", f"缺少 {name!r}"),
        remedy=Text(f"add {name!r} here", f"请在此处补上 {name!r}"),
        of_key=True,
    )


def _not_among(location: Location, written: Any, expected: str) -> Mistake:
    words = [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",")]
    return Mistake(
        code="wrong-value",
        location=location,
        what=Text(f"{_shown(written)} is not possible here", f"此处不能写 {_shown(written)}"),
        remedy=Text(f"write one of: {', '.join(words)}", f"可以写：{'、'.join(words)}")
        if len(words) > 1
        else Text(f"write {words[0]}", f"请写 {words[0]}"),
        suggestion=closest(str(written), words),
    )


def _unknown_key(error: _Error) -> Mistake:
    name = str(error.steps[-1])
    known = sorted(_fields_at(error.model, error.data, error.steps[:-1]) - {name})
    listed = known[:_LISTED] + ["…"] * (len(known) > _LISTED)
    return Mistake(
        code="unknown-key",
        location=error.location,
        what=Text(f"unknown key {name!r}", f"未知的键 {name!r}"),
        remedy=Text(f"use one of: {', '.join(listed)}", f"可用的键：{'、'.join(listed)}"),
        of_key=True,
        suggestion=closest(name, known),
    )


_EXPLAINED: dict[str, Callable[[_Error], Mistake]] = {
    "extra_forbidden": _unknown_key,
    "missing": _no_key,
    "union_tag_not_found": _no_tag,
    "union_tag_invalid": _wrong_tag,
    "literal_error": _no_literal,
    "enum": _no_literal,
}


def _written(location: Location, data: Any) -> Location:
    """The steps of ``location`` that the data have: without a union's tags and a missing last key."""
    steps: list[str | int] = []
    for step in location:
        if has(data, step):
            steps.append(step)
            data = data[step]
    return tuple(steps)


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema(by_alias=True)


def _fields_at(model: type[BaseModel], data: Any, location: Location) -> set[str]:
    """The keys that the models allow at ``location``, by walking the JSON Schema beside the data."""
    schema = _schema(model)
    definitions: Mapping[str, Any] = schema.get("$defs", {})

    def resolve(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        if "$ref" in node:
            return resolve(definitions[node["$ref"].rsplit("/", 1)[1]])
        branches: Sequence[Mapping[str, Any]] = node.get("anyOf") or node.get("oneOf") or ()
        return [found for branch in branches for found in resolve(branch)] or [node]

    nodes = resolve(schema)
    for step in location:
        if not has(data, step):  # a union's tag: a constant of a branch, or the branch's class
            nodes = [node for node in nodes if node.get("title") == step] or nodes
            continue
        data = data[step]
        nodes = [found for node in nodes for child in _children(node, step) for found in resolve(child)]
        if isinstance(data, Mapping):
            nodes = [node for node in nodes if _matches(node, data)] or nodes
    return {name for node in nodes for name in node.get("properties", {})}


def _children(node: Mapping[str, Any], step: str | int) -> list[Mapping[str, Any]]:
    if isinstance(step, int):
        return [node["items"]] if "items" in node else []
    if step in node.get("properties", {}):
        return [node["properties"][step]]
    by_pattern = [
        child for pattern, child in node.get("patternProperties", {}).items() if search(pattern, step)
    ]
    extra = node.get("additionalProperties")
    return by_pattern or ([extra] if isinstance(extra, Mapping) else [])


def _matches(node: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether a branch of a union is the one that ``data`` names by its constants."""
    for name, field in node.get("properties", {}).items():
        allowed = field.get("enum") or ([field["const"]] if "const" in field else None)
        if allowed is not None and name in data and data[name] not in allowed:
            return False
    return bool(node.get("properties"))
