"""A tokeniser for C++ and CUDA: comments, strings, directives and words told apart."""

import re
from collections.abc import Iterator
from enum import Enum

import msgspec


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"
    DIRECTIVE = "directive"
    LAUNCH = "launch"
    """`<<<`: the begin of a kernel launch."""
    MARK = "mark"


class Token(msgspec.Struct, frozen=True, array_like=True):
    """One token with its character offset; the text of a string has no quotes."""

    kind: Kind
    text: str
    offset: int


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+|\\\n)
  | (?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*(?:[^*]|\*(?!/))*(?:\*/)?)
  | (?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\ \n]{0,16})\()
  | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\.|\\\n)*"?)
  | (?P<character>'(?:[^'\\\n]|\\.)*'?)
  | (?P<directive>\#[ \t]*(?:[^\n\\/]|\\\n|\\.|/(?![/*]))*)
  | (?P<number>\.?[0-9](?:[0-9a-zA-Z_.']|[eEpP][+-])*)
  | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<launch><<<)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> Iterator[Token]:
    """Tokens in order, without white space and comments; never fails, whatever the text."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None, "the last alternative takes any character"
        kind = match.lastgroup
        position = match.end()
        if match["raw"] is not None:
            end = text.find(f'){match["fence"]}"', position)
            end = len(text) if end < 0 else end
            yield Token(Kind.STRING, text[position:end], match.start())
            position = min(len(text), end + len(match["fence"]) + 2)
        elif kind == "string":
            yield Token(Kind.STRING, match[0].partition('"')[2].removesuffix('"'), match.start())
        elif kind not in {"space", "comment", "character"}:
            yield Token(Kind[str(kind).upper()], match[0], match.start())
