"""YAML as a plain tree in which each key and value knows its place. What it can cost is bounded first.

Aliases and merge keys are followed, so a small text can stand for a large tree: the values are counted.
"""

import re
from collections.abc import Iterator

import msgspec
import yaml

from penstock.base.refusal import Refusal, invalid

SIZE_MAX_BYTES = 256 * 1024
DEPTH_MAX = 16
VALUES_MAX = 20_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Scalar(msgspec.Struct, frozen=True):
    """One value as written; `kind` is what YAML takes it for: `str`, `int`, `float`, `bool`, `null`, …"""

    where: str
    text: str
    kind: str


class Items(msgspec.Struct, frozen=True):
    """A list."""

    where: str
    values: tuple["Value", ...]


class Entry(msgspec.Struct, frozen=True):
    """A value under a key; `where` is the place of the key."""

    where: str
    value: "Value"


class Fields(msgspec.Struct, frozen=True):
    """A mapping."""

    where: str
    entries: dict[str, Entry]


type Value = Scalar | Items | Fields


def read(text: str, name: str) -> tuple[Value | None, list[Refusal]]:
    """The tree of one YAML document, or None, and what is wrong with it; places are `name:line:column`."""
    try:
        root = _compose(text)
    except yaml.YAMLError as error:
        return None, [_malformed(error, text, name)]
    except _TooLarge as error:
        return None, [_too_large(str(error), name)]
    if root is None:
        return None, [invalid("file_empty", "the file is empty", "say at least what to run: `run: …`", name)]
    builder = _Builder(name)
    try:
        return builder.value(root, 0), builder.refusals
    except _TooLarge as error:
        return None, [*builder.refusals, _too_large(str(error), name)]


class _TooLarge(Exception):
    """More than any job file needs."""


def decoded(content: str | bytes, name: str) -> str | Refusal:
    """The printable text of a file that is not too large; a byte order mark is dropped."""
    if len(content) > SIZE_MAX_BYTES:
        return _too_large(f"at most {SIZE_MAX_BYTES // 1024} KiB are read", name)
    try:
        text = content.decode() if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        before = content[: error.start].decode() if isinstance(content, bytes) else ""
        return invalid(
            "text_not_utf8",
            "the file is not UTF-8 text",
            "save it as UTF-8",
            _place(name, before, len(before)),
        )
    text = text.removeprefix("\ufeff")
    odd = _NOT_PRINTABLE.search(text)
    if odd:
        return invalid(
            "text_not_printable",
            f"there is a character U+{ord(odd.group()):04X}",
            "remove it",
            _place(name, text, odd.start()),
        )
    return text


def _place(name: str, text: str, position: int) -> str:
    """The place of a character, with lines as YAML counts them."""
    lines = _LINE_BREAK.split(text[:position])
    return f"{name}:{len(lines)}:{len(lines[-1]) + 1}"


def _compose(text: str) -> yaml.Node | None:
    """The tree of nodes; nesting is bounded before, as the composer recurses."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise _TooLarge(f"values are nested deeper than {DEPTH_MAX}")
    return yaml.compose(text, _LOADER)


def _malformed(error: yaml.YAMLError, text: str, name: str) -> Refusal:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error).partition("\n")[0]
    remedy = "check the indentation, and quote values that contain ': ' or start with a special character"
    if mark is not None and "\t" in "".join(text.splitlines()[mark.line : mark.line + 1]):
        remedy = "indent with spaces, not with tabs"
    if "another document" in said:
        said, remedy = "there is a second document after ---", "one file is one job"
    return invalid("yaml_malformed", f"this is not YAML: {said}", remedy, _mark(name, mark) if mark else name)


def _too_large(reason: str, name: str) -> Refusal:
    return invalid("file_too_large", f"the file is too large: {reason}", "put data into the workdir", name)


def _mark(name: str, mark: yaml.Mark) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}"


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.refusals: list[Refusal] = []
        self.count = 0

    def value(self, node: yaml.Node, depth: int) -> Value:
        """The node as a value; depth and number also bound what aliases stand for."""
        self.count += 1
        if depth > DEPTH_MAX or self.count > VALUES_MAX:
            raise _TooLarge(f"more than {VALUES_MAX} values, or nested deeper than {DEPTH_MAX}")
        where = _mark(self.name, node.start_mark)
        self._check_tag(node, where)
        if isinstance(node, yaml.MappingNode):
            return Fields(where, self._entries(node, depth))
        if isinstance(node, yaml.SequenceNode):
            return Items(where, tuple(self.value(child, depth + 1) for child in node.value))
        return Scalar(where, node.value, node.tag.removeprefix(_STANDARD))

    def _check_tag(self, node: yaml.Node, where: str) -> None:
        if not node.tag.startswith(_STANDARD) or "/" in node.tag:
            self.refusals.append(
                invalid("yaml_tag", f"the tag {node.tag[:60]} is not read", "leave the tag out", where)
            )

    def _entries(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, child in node.value:
            where = _mark(self.name, key.start_mark)
            if key.tag == f"{_STANDARD}merge":
                for entries in self._merged(child, depth):
                    merged = entries | merged
            elif not isinstance(key, yaml.ScalarNode):
                self.refusals.append(
                    invalid("field_malformed", "a key is one word", "write key: value", where)
                )
            elif key.value in own:
                first = own[key.value].where.removeprefix(self.name + ":")
                self.refusals.append(
                    invalid(
                        "field_duplicate",
                        f"field {key.value[:40]!r} stands twice, first at {first}",
                        "keep one of them",
                        where,
                    )
                )
            else:
                own[key.value] = Entry(where, self.value(child, depth + 1))
        return merged | own

    def _merged(self, node: yaml.Node, depth: int) -> Iterator[dict[str, Entry]]:
        """What `<<` brings in: the entries of one mapping or of several, the first of which wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            value = self.value(source, depth + 1)
            if isinstance(value, Fields):
                yield value.entries
            else:
                self.refusals.append(
                    invalid(
                        "field_malformed", "<< merges mappings only", "give it an alias of one", value.where
                    )
                )
