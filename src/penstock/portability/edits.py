"""Edits of source by byte offsets: everything between them stays as it was written."""

import ast

import msgspec


class Edit(msgspec.Struct, frozen=True, order=True):
    """Replace [start, end) of a file, in bytes; `rule` is the one that the edit settles."""

    start: int
    end: int
    text: str
    rule: str


class Places:
    """Byte offsets of the nodes of a syntax tree in the source that it was parsed from (UTF-8)."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        """Where a node begins."""
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Where a node ends."""
        assert node.end_lineno is not None and node.end_col_offset is not None, "parsed nodes have ends"
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def after_line(self, line: int) -> int:
        """Where the line after line number `line` (from 1) begins."""
        return self._starts[min(line, len(self._starts) - 1)]

    def line(self, offset: int) -> int:
        """Line number, from 1, of an offset."""
        low, high = 0, len(self._starts) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle - 1)
        return low + 1

    def replace(self, node: ast.expr, text: str, rule: str) -> Edit:
        """The edit that puts text in the place of a node."""
        return Edit(self.start(node), self.end(node), text, rule)

    def quote(self, node: ast.expr) -> str:
        """The quotation mark of a string, so that a new one can be written alike."""
        return "'" if self.source[self.start(node) : self.end(node)].endswith(b"'") else '"'

    def rename_attribute(self, node: ast.Attribute, text: str, rule: str) -> Edit:
        """The edit that gives an attribute another name."""
        end = self.end(node)
        return Edit(end - len(node.attr.encode()), end, text, rule)


def applied(source: bytes, edits: list[Edit]) -> bytes:
    """The source with all edits made; of edits that overlap the first one stands."""
    parts: list[bytes] = []
    done = 0
    for edit in sorted(set(edits)):
        if edit.start >= done:
            parts += (source[done : edit.start], edit.text.encode())
            done = edit.end
    return b"".join((*parts, source[done:]))
