"""The quick way past files without inner imports finds the same as the long one."""

import ast
from pathlib import Path

import pytest

from penstock.portability.analyse import analyse
from penstock.portability.model import Guard
from penstock.portability.python_imports import called_functions, has_main, imports
from penstock.portability.python_lexing import imports_only_at_top, outline, top_statements

INNER = [
    ("import a\nif x:\n    import b\n", ["a", "b"]),
    ("import a\nif x: import b\n", ["a", "b"]),
    ("import a; import b\n", ["a", "b"]),
    ("try:\n\timport b\nexcept ImportError: from c import d\n", ["b", "c"]),
    ("if x: \\\n import b\n", ["b"]),
    ("def f():\r\n    from b import c\r\n", ["b"]),
    ("class A: from b import c\n", ["b"]),
    ("import a\nx = 'import b'\n", ["a"]),
    ('"""\nimport b\nfrom c import d\n"""\nimport a\n', ["a"]),
    ("from a import (  # one) two\n    b,\n    c,\n)\nimport d\n", ["a", "d"]),
    ("from a import b, \\\n    c\nimport d\n", ["a", "d"]),
    ("x = 'it\\'s'\nimport a # '\nimport b\n", ["a", "b"]),
    ("from .a import b\nfromage = 1\nimportance = 2\n", ["a"]),
    ("x = f\"{y['a']}\"\nimport a\n", ["a"]),
]


@pytest.mark.parametrize(("source", "modules"), INNER)
def test_imports_in_blocks_are_found(source: str, modules: list[str]) -> None:
    assert [i.module for i in analyse("a.py", source.encode()).imports] == modules


INSTALLED = sorted(p for p in Path(ast.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", INSTALLED, ids=lambda p: p.name)
def test_the_quick_ways_find_what_the_parser_finds(path: Path) -> None:
    data = path.read_bytes()
    whole = ast.parse(data)
    expected = imports(whole), has_main(whole)
    short = outline(data)
    if short is not None:
        called = called_functions(short.tree, short.functions)
        assert (imports(short.tree, called=lambda: called), has_main(short.tree)) == expected
        assert called == called_functions(whole)
    top = top_statements(data) if imports_only_at_top(data) else None
    assert top is None or (imports(top), has_main(top)) == expected


OUTLINED = """
@wrapped(lambda: go())
async def far(
    x,
):
    near()
class A(B):
    'text'
    def plain(self):
        '''
def no(): import a
'''
        return 1
    @property
    def busy(self):
        import b
        def inner(): return 2
    if x:
        def other(self): pass
def near(): away()
def away(
    y=1
): from c import d
if main:
    def kept(): pass
    far(
1, 2)
"""


def test_an_outline_leaves_out_what_imports_nothing() -> None:
    short = outline(OUTLINED.encode())
    assert short is not None
    assert set(short.functions) == {"far", "near"}
    text = ast.unparse(short.tree)
    assert "return 2" not in text and "return 1" in text and "kept" in text
    whole = ast.parse(OUTLINED)
    assert imports(short.tree, called=lambda: called_functions(short.tree, short.functions)) == imports(whole)
    assert {i.module: i.guard for i in imports(whole)} == {"b": Guard.IN_FUNCTION, "c": Guard.NONE}


@pytest.mark.parametrize("source", ["def f():\n\tx\nif y:\n  z\n", "if x:\ndef f():\n  y\n"])
def test_an_outline_is_not_given_where_it_is_not_sure(source: str) -> None:
    assert outline(source.encode()) is None


def test_the_main_guard_is_seen_on_the_quick_way() -> None:
    assert analyse("a.py", b"import a\nif __name__ == '__main__':\n    a.go()\n").is_main
    assert not analyse("a.py", b'import a\n"""\nif __name__ == 1:\n"""\n').is_main


def test_imports_by_name_are_found_wherever_they_stand() -> None:
    source = "import importlib\ndef __getattr__(name):\n    return getattr(importlib.import_module('.x', 'p'), name)\n"
    found = {(i.module, i.level, i.guard) for i in analyse("p/__init__.py", source.encode()).imports}
    assert ("x", 1, Guard.NONE) in found
    made = "import importlib\nimportlib.import_module(name)\n"
    assert ("", 0) in {(i.module, i.level) for i in analyse("a.py", made.encode()).imports}
