"""Source text as lines, and findings made from a place in it."""

from penstock.portability.model import Finding, Guard

EVIDENCE_CHARACTERS = 160


class Text:
    """One decoded file; knows the line and the column of an offset."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        low, high = 0, len(self.lines) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle - 1)
        return low + 1, offset - self._starts[low] + 1

    def finding(
        self, rule: str, offset: int, guard: Guard = Guard.NONE, variant: str = "", subject: str = ""
    ) -> Finding:
        """A finding at a character offset."""
        line, column = self.place(offset)
        evidence = self.lines[line - 1].strip()[:EVIDENCE_CHARACTERS]
        return Finding(rule, self.path, line, column, guard, evidence, variant, subject)


def decode(data: bytes) -> str:
    """Text of a file in UTF-8, or byte for character where it is not; line ends become newlines."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
