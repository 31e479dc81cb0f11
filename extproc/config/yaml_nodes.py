"""YAML text → a tree of entries, each with its file and line.

Law: whatever the bytes are, the result is a tree or problems, never an exception. Aliases are written out, up to a
limit, so that nothing behind this file needs to know that they exist.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from yaml.composer import Composer
from yaml.error import MarkedYAMLError, YAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from extproc.config.problems import PathParts, Problem, path_text
from extproc.config.scalars import TAG, Scalar, scalar, tag_of

MAX_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 100_000
MAX_DEPTH = 60
_SCALAR_TAGS = frozenset(TAG + kind for kind in ("str", "int", "float", "bool", "null"))


@dataclass(slots=True)
class Entry:
    """A value with the place where it was written."""

    file: str
    line: int
    content: "dict[str, Entry] | list[Entry] | Scalar"
    key_line: int = 0  # of the key that leads here; 0: it is an item of a list, or the document
    plain: bool = False  # an unquoted scalar
    variables_in: bool = field(default=False)
    variable: str | None = None  # the one that the value is: `${NAME}`, and nothing around it
    elsewhere: bool = False  # that variable is not set here: its value is not known, only that it is a secret


class _CoreResolver(BaseResolver):
    def resolve(self, kind: type[Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is ScalarNode:
            if not implicit[0]:
                return TAG + "str"
            return TAG + "merge" if value == "<<" else tag_of(value)
        return TAG + ("seq" if kind is SequenceNode else "map")


class _Loader(Reader, Scanner, Parser, Composer, _CoreResolver):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _CoreResolver.__init__(self)


class _Broken(Exception):
    """Reading stops here: the rest of the file would only repeat the same mistake."""

    def __init__(self, line: int, message: str, hint: str = "", path: PathParts = ()) -> None:
        super().__init__(message)
        self.line, self.message, self.hint, self.path = line, message, hint, path


def read_tree(data: bytes, file: str) -> tuple[Entry | None, list[Problem]]:
    """The tree of one file, or the problems that hide it. Problems and a tree may come together."""
    try:
        node = _compose(_decode(data))
        builder = _Builder(file)
        tree = builder.entry(node, (), 0)
    except _Broken as broken:
        return None, [Problem(file, broken.line, path_text(broken.path), broken.message, broken.hint)]
    return tree, builder.problems


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _Broken(1, f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Broken(data[: error.start].count(b"\n") + 1, "the text is not UTF-8", "save it as UTF-8") from None


def _compose(text: str) -> MappingNode:
    try:
        node = _Loader(text).get_single_node()
    except ReaderError as error:
        raise _Broken(text[: error.position].count("\n") + 1, "a control character cannot stand in YAML") from None
    except MarkedYAMLError as error:
        raise _marked(error) from None
    except RecursionError:
        raise _Broken(1, f"values are nested deeper than {MAX_DEPTH} levels") from None
    except (YAMLError, ValueError, OverflowError, IndexError, TypeError, AttributeError):
        # a few malformed texts (`"\UFFFFFFFF"`) break the reader itself
        raise _Broken(1, "the text is not YAML") from None
    if node is None or (isinstance(node, ScalarNode) and node.tag == TAG + "null"):
        raise _Broken(1, "the file is empty", "write at least `providers:`")
    if not isinstance(node, MappingNode):
        raise _Broken(node.start_mark.line + 1, "the top level must be a mapping", "it starts with `providers:`")
    return node


def _marked(error: MarkedYAMLError) -> _Broken:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    what = str(error.problem or error.context or "it cannot be read")
    if "'\\t'" in what:
        return _Broken(line, "a tab stands where YAML takes only spaces", "indent with spaces")
    if "expected a single document" in str(error.context):
        return _Broken(line, "the file holds more than one document", "remove the `---` between them")
    return _Broken(line, f"the text is not YAML: {re.sub(r'[^ -~]', '?', what)}")


class _Builder:
    """Nodes → entries: duplicate keys, merge keys, limits."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._count = 0
        self._open: set[int] = set()  # nodes that are being written out: meeting one again is a circle

    def entry(self, node: Node, path: PathParts, key_line: int) -> Entry:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > MAX_ENTRIES:
            raise _Broken(line, f"the file stands for more than {MAX_ENTRIES} values", "anchors multiply them")
        if id(node) in self._open:
            raise _Broken(key_line or line, "an alias stands inside its own anchor", path=path)
        if len(path) > MAX_DEPTH:
            raise _Broken(line, f"values are nested deeper than {MAX_DEPTH} levels")
        self._open.add(id(node))
        try:
            return Entry(self.file, line, self._content(node, path), key_line, _is_plain(node))
        finally:
            self._open.discard(id(node))

    def _content(self, node: Node, path: PathParts) -> "dict[str, Entry] | list[Entry] | Scalar":
        line = node.start_mark.line + 1
        if isinstance(node, MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
            return [self.entry(item, (*path, place), 0) for place, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and node.tag in _SCALAR_TAGS:
            try:
                return scalar(node.tag, node.value)
            except ValueError:
                self._problem(line, path, "the value is not of the kind that its tag says")
                return None
        if isinstance(node, ScalarNode) and node.tag == TAG + "merge":
            return str(node.value)
        self._problem(line, path, "YAML tags are not taken here", "write the value without a tag")
        return None

    def _mapping(self, node: MappingNode, path: PathParts) -> dict[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode) or not key.value:
                self._problem(line, path, "a key must be text")
                continue
            name = str(key.value)
            if name in first:
                place = f"{self.file}:{first[name]}"
                self._problem(line, (*path, name), f"the same key stands twice: also at {place}", "keep one")
                continue
            first[name] = line
            if key.tag == TAG + "merge":
                for source in self._sources(value, path, line):
                    for found, entry in source.items():
                        merged.setdefault(found, entry)
            else:
                own[name] = self.entry(value, (*path, name), line)
        return own | {name: entry for name, entry in merged.items() if name not in own}

    def _sources(self, node: Node, path: PathParts, line: int) -> Iterator[Mapping[str, Entry]]:
        content = self.entry(node, (*path, "<<"), line).content
        for one in [Entry("", 0, content)] if not isinstance(content, list) else content:
            if isinstance(one.content, dict):
                yield one.content
            else:
                self._problem(line, (*path, "<<"), "only mappings can be merged into a mapping")

    def _problem(self, line: int, path: PathParts, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, line, path_text(path), message, hint))


def _is_plain(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not node.style
