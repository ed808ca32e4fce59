"""XML with the place of everything in it: every finding must name its line, also in a file of one line."""

from collections.abc import Iterator, Mapping
from xml.parsers import expat

from district.findings import Finding, InvalidFileError, Place, Text


class Element:
    """One element, where it begins, what it holds; made by :func:`read_elements` and not changed after."""

    __slots__ = (
        "attributes",
        "children",
        "index",
        "name",
        "namespace",
        "parent",
        "place",
        "text",
        "text_place",
    )

    def __init__(
        self, tag: str, attributes: Mapping[str, str], place: Place, parent: "Element | None"
    ) -> None:
        namespace, _, name = tag.rpartition(" ")
        self.namespace = namespace
        self.name = name
        self.attributes = attributes
        self.place = place
        self.parent = parent
        self.children: list[Element] = []
        self.index = sum(1 for one in parent.children if one.name == name) if parent else 0
        self.text = ""  # all of its own text, that between its children too
        self.text_place = place

    def all(self, name: str) -> list["Element"]:
        """Its children of that name."""
        return [child for child in self.children if child.name == name and child.namespace == self.namespace]

    def one(self, name: str) -> "Element | None":
        """Its first child of that name."""
        return next(iter(self.all(name)), None)

    def value(self, name: str) -> str:
        """The text of its first child of that name, without blanks around; empty if there is none."""
        child = self.one(name)
        return child.text.strip() if child is not None else ""

    @property
    def key(self) -> str:
        """Its dotted path, as in ``alert.info.1.expires``; repeated elements count from 0."""
        if self.parent is None:
            return self.name
        several = sum(1 for one in self.parent.children if one.name == self.name) > 1
        return f"{self.parent.key}.{self.name}" + (f".{self.index}" if several else "")

    def walk(self) -> Iterator["Element"]:
        """Itself and all that it holds, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()

    def finding(self, code: str, what: Text, remedy: Text, *, suggestion: str | None = None) -> Finding:
        """A finding about the element itself."""
        return Finding(
            code=code, place=self.place, key=self.key, what=what, remedy=remedy, suggestion=suggestion
        )

    def value_finding(self, code: str, what: Text, remedy: Text, *, suggestion: str | None = None) -> Finding:
        """A finding about what stands in the element."""
        place = self.text_place if self.text.strip() else self.place
        return Finding(code=code, place=place, key=self.key, what=what, remedy=remedy, suggestion=suggestion)


def read_elements(xml: bytes, file: str) -> Element:
    """Read a text; declarations of document types, and so entities, are refused.

    Raises:
        InvalidFileError: The text is no XML, or declares a document type; the finding says where.
    """
    reader = _Reader(file)
    try:
        reader.parser.Parse(xml, True)
    except expat.ExpatError as exc:
        words = expat.errors.messages.get(exc.code, str(exc)) if exc.code else str(exc)
        raise InvalidFileError(
            [
                Finding(
                    code="not-xml",
                    place=Place(file=file, line=max(1, exc.lineno), column=exc.offset + 1),
                    key="",
                    what=Text(f"no well-formed XML: {words}", f"不是格式良好的 XML：{words}"),
                    remedy=Text(
                        "close every element; write & as &amp; and < as &lt;",
                        "请检查标签是否闭合，& 写作 &amp;，< 写作 &lt;",
                    ),
                )
            ]
        ) from exc
    assert reader.root is not None, "expat refuses a text without an element"  # noqa: S101
    return reader.root


class _Reader:
    """Builds the tree from what the parser meets."""

    def __init__(self, file: str) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.root: Element | None = None
        self._file = file
        self._open: Element | None = None

    def _place(self, width: int) -> Place:
        parser = self.parser
        return Place(
            file=self._file, line=parser.CurrentLineNumber, column=parser.CurrentColumnNumber + 1, width=width
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        width = len(tag.rpartition(" ")[2]) + 2
        element = Element(tag, attributes, self._place(width), self._open)
        if self._open is None:
            self.root = element
        else:
            self._open.children.append(element)
        self._open = element

    def _end(self, _tag: str) -> None:
        if self._open is not None:
            self._open = self._open.parent

    def _characters(self, text: str) -> None:
        element = self._open
        if element is None:
            return
        if not element.text.strip() and text.strip():
            indent = len(text) - len(text.lstrip())
            place = self._place(len(text.strip()))
            element.text_place = Place(
                file=place.file, line=place.line, column=place.column + indent, width=place.width
            )
        element.text += text

    def _doctype(self, *_declared: object) -> None:
        raise InvalidFileError(
            [
                Finding(
                    code="doctype",
                    place=self._place(len("<!DOCTYPE")),
                    key="",
                    what=Text("a document type is declared", "文件中声明了 DOCTYPE"),
                    remedy=Text(
                        "leave it out: entities could fetch or hide anything", "请删去：实体可能引入任意内容"
                    ),
                )
            ]
        )
