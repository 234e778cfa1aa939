"""Findings in one Python file: a single walk over its syntax tree that knows guards and the place of strings."""

import ast
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain

from penstock.portability.model import Finding, Guard
from penstock.portability.names import FP8_NAME, FUSED_NAME, rule_of_module, rule_of_name
from penstock.portability.python_calls import rule_of_call, rule_of_keyword
from penstock.portability.python_compare import rule_of_comparison, rule_of_prefix_test
from penstock.portability.python_guards import branches, last_name, leaves, skips
from penstock.portability.python_imports import Names, children, if_guards, stronger, try_parts
from penstock.portability.python_lexing import lines_of_interest
from penstock.portability.python_strings import Role, is_device_choice, rule_of_prefix, rule_of_string

_BY_NAME_ALONE = frozenset({"AMP-004", "OPT-001"})
"""Rules that take a function of any module by its name: not where the module is of the tree itself."""
_TYPES = frozenset({"AMP-003", "AMP-004", "DEV-014"})
"""Rules about number formats, which programs also compare and tabulate without computing in them."""
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
type Hit = tuple[str, ast.AST, Guard, str, str]
"""(rule, node, guard, variant, subject)."""


class Walk:
    """Walks one file and gathers hits; with `lines` only statements that hold one of them, in order."""

    def __init__(self, known: Names, lines: Sequence[int] | None = None) -> None:
        self.known = known
        self.lines = lines
        self.hits: list[Hit] = []
        self.guard = Guard.NONE
        self.function = ""
        """The innermost function that we are inside of."""
        self.borrowed: dict[str, Guard] = {}
        """Guards of the imports that names come from: what is imported in a `try` is used behind it."""
        self.imports_torch = any(q.partition(".")[0] == "torch" for q in known.aliases.values())
        self._visitors: dict[type[ast.AST], Callable[..., None]] = {
            ast.If: self._if,
            ast.IfExp: self._choice,
            ast.BoolOp: self._bool,
            ast.Try: self._try,
            ast.While: self._while,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.Lambda: self._lambda,
            ast.ClassDef: self._class,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.Return: self._return,
            ast.Expr: self._expression,
            ast.Call: self._call,
            ast.Compare: self._compare,
            ast.Attribute: self._attribute,
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.JoinedStr: self._formatted,
            ast.Dict: self._dict,
            ast.Subscript: self._subscript,
            ast.For: self._loop,
            ast.With: self._loop,
            ast.AsyncWith: self._loop,
            ast.AsyncFor: self._loop,
        }

    def hit(self, rule: str, node: ast.AST, variant: str = "", subject: str = "") -> None:
        """Note one hit under the present guard."""
        guard = stronger(self.guard, self.borrowed.get(_root(node)))
        self.hits.append((rule, node, guard, variant, subject))

    def block(self, body: list[ast.stmt]) -> None:
        """Statements in order: a test that returns guards what follows it, what follows a return is dead."""
        outer = self.guard
        for node in body:
            if self._matters(node):
                self.visit(node)
            if isinstance(node, ast.If) and leaves(node.body):
                self.guard = stronger(self.guard, if_guards(node, self.known.flags)[1])
            elif isinstance(node, _ENDS):
                self.guard = Guard.DEAD
        self.guard = outer

    def _matters(self, node: ast.stmt) -> bool:
        if self.lines is None:
            return True
        decorators = getattr(node, "decorator_list", ())
        first = decorators[0].lineno if decorators else node.lineno
        index = bisect_left(self.lines, first)
        return index < len(self.lines) and self.lines[index] <= (node.end_lineno or first)

    def _is_lazy(self) -> bool:
        """Whether we are inside a function that the module does not call itself."""
        return self.function != "" and self.function not in self.known.called()

    def under(self, guard: Guard | None, body: list[ast.stmt]) -> None:
        """A block behind one more guard."""
        outer, self.guard = self.guard, stronger(self.guard, guard)
        self.block(body)
        self.guard = outer

    def visit(self, node: ast.AST, role: Role = Role.OTHER, name: str = "") -> None:
        """One node; `role` and `name` tell where a string in it would stand."""
        visitor = self._visitors.get(type(node))
        if visitor is not None:
            visitor(node, role, name)
            return
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            held = Role.ITEM if role in {Role.ASSIGNED, Role.OTHER, Role.DEFAULT} else role
            for item in node.elts:
                self.visit(item, held, name)
            return
        if isinstance(node, ast.Starred | ast.Await | ast.NamedExpr | ast.Yield | ast.FormattedValue):
            for child in children(node):
                self.visit(child, role, name)
            return
        for child in children(node):
            self.visit(child)

    def _if(self, node: ast.If, *_) -> None:
        self.visit(node.test)
        first, second = if_guards(node, self.known.flags)
        self.under(first, node.body)
        self.under(second, node.orelse)

    def _while(self, node: ast.While, *_) -> None:
        self.visit(node.test)
        self.under(branches(node.test, self.known.flags)[0], node.body)
        self.block(node.orelse)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.With | ast.AsyncWith, *_) -> None:
        for field, value in ast.iter_fields(node):
            if field in {"body", "orelse"}:
                self.block(value)
            elif isinstance(value, list):
                for item in value:
                    self.visit(item)
            elif isinstance(value, ast.AST):
                self.visit(value)

    def _choice(self, node: ast.IfExp, role: Role, name: str) -> None:
        self.visit(node.test)
        held = role if role in {Role.KEYWORD, Role.ARGUMENT} and "dev" not in name else Role.CHOSEN
        match node.body, node.orelse:
            case ast.Constant(value=str(first)), ast.Constant(value=str(second)):
                if "cuda" in (first, second) and not is_device_choice(first, second, name):
                    held = Role.OTHER
        for guard, part in zip(if_guards(node, self.known.flags), (node.body, node.orelse), strict=True):
            self._guarded(guard, part, held, name)

    def _bool(self, node: ast.BoolOp, role: Role, name: str) -> None:
        guard: Guard | None = None
        conjunction = isinstance(node.op, ast.And)
        held = Role.CHOSEN if role in {Role.ASSIGNED, Role.DEFAULT, Role.RETURNED} else role
        for value in node.values:
            self._guarded(guard, value, held, name)
            first, second = branches(value, self.known.flags)
            guard = guard or (first if conjunction else second)

    def _guarded(self, guard: Guard | None, node: ast.expr, role: Role, name: str) -> None:
        outer, self.guard = self.guard, stronger(self.guard, guard)
        self.visit(node, role, name)
        self.guard = outer

    def _try(self, node: ast.Try, *_) -> None:
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
        for part, guard in try_parts(node):
            self.under(guard, part)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, *_) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._parameters(node.args)
        outer, self.function = self.function, node.name
        self.under(Guard.AVAILABILITY if skips(node.decorator_list) else None, node.body)
        self.function = outer

    def _class(self, node: ast.ClassDef, *_) -> None:
        for part in (*node.decorator_list, *node.bases, *(k.value for k in node.keywords)):
            self.visit(part)
        self.under(Guard.AVAILABILITY if skips(node.decorator_list) else None, node.body)

    def _lambda(self, node: ast.Lambda, *_) -> None:
        self._parameters(node.args)
        self.visit(node.body, Role.RETURNED)

    def _parameters(self, parameters: ast.arguments) -> None:
        positional = (parameters.posonlyargs + parameters.args)[::-1]
        pairs = zip(positional, parameters.defaults[::-1], strict=False)
        for parameter, default in chain(
            pairs, zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        ):
            if default is not None:
                self._valued(parameter.arg, default, Role.DEFAULT)

    def _valued(self, name: str, value: ast.expr, role: Role) -> None:
        rule = rule_of_keyword(name, value)
        if rule and role is Role.KEYWORD:
            self.hit(rule, value, "flag")
        self.visit(value, role, name)

    def _import(self, node: ast.Import, *_) -> None:
        for alias in node.names:
            self._borrow(alias.asname or alias.name.partition(".")[0], alias.name)
            self._imported(node, rule_of_module(alias.name), alias.name)

    def _import_from(self, node: ast.ImportFrom, *_) -> None:
        module = node.module or ""
        for alias in node.names:
            self._borrow(alias.asname or alias.name, module)
        rules = dict.fromkeys(self._rule_of_taken(module, node.level, a.name) for a in node.names)
        for rule in rules:
            self._imported(node, rule, "." * node.level + module)

    def _rule_of_taken(self, module: str, level: int, name: str) -> str:
        if level:
            return ""
        rule = rule_of_module(f"{module}.{name}")
        if rule:
            return rule
        if FUSED_NAME.fullmatch(name):
            return "OPT-001"
        return "AMP-004" if FP8_NAME.search(name) or FP8_NAME.search(module) else ""

    def _borrow(self, name: str, module: str) -> None:
        guard = stronger(self.guard, Guard.IN_FUNCTION if self._is_lazy() else None)
        if guard is not Guard.NONE and module.partition(".")[0] != "torch":
            self.borrowed.setdefault(name, guard)
        elif guard is Guard.NONE:
            self.borrowed[name] = guard

    def _imported(self, node: ast.stmt, rule: str, module: str) -> None:
        if rule:
            outer = self.guard
            self.guard = stronger(outer, Guard.IN_FUNCTION if self._is_lazy() else None)
            self.hit(rule, node, "import", module)
            self.guard = outer

    def _assign(self, node: ast.Assign, *_) -> None:
        for target in node.targets:
            self.visit(target)
        self.visit(node.value, Role.ASSIGNED, last_name(node.targets[0]))

    def _annotated(self, node: ast.AnnAssign, *_) -> None:
        self.visit(node.target)
        if node.value is not None:
            self._valued(last_name(node.target), node.value, Role.ASSIGNED)

    def _return(self, node: ast.Return, *_) -> None:
        if node.value is not None:
            self.visit(node.value, Role.RETURNED)

    def _expression(self, node: ast.Expr, *_) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def _call(self, node: ast.Call, *_) -> None:
        called = last_name(node.func)
        rule, consumed = rule_of_call(node, self.known.qualified(node.func), self.imports_torch)
        if not rule:
            rule, variant = rule_of_prefix_test(node)
            consumed = tuple(node.args) if rule else ()
            if rule:
                self.hit(rule, node, variant)
        else:
            self.hit(rule, node, subject=self.known.module(node.func) if rule in _BY_NAME_ALONE else "")
        self._callee(node.func, already=bool(rule))
        for argument in node.args:
            if argument not in consumed:
                self.visit(argument, Role.ARGUMENT, called)
        for keyword in node.keywords:
            if keyword.value not in consumed:
                self._valued(keyword.arg or "", keyword.value, Role.KEYWORD)

    def _callee(self, func: ast.expr, *, already: bool) -> None:
        if not already:
            self.visit(func)
        elif isinstance(func, ast.Attribute):
            self.visit(func.value)

    def _compare(self, node: ast.Compare, *_) -> None:
        rule, variant = rule_of_comparison(node)
        if rule:
            self.hit(rule, node, variant)
        for part in (node.left, *node.comparators):
            if not isinstance(part, ast.Constant | ast.List | ast.Tuple | ast.Set):
                self._without_types(part)

    def _attribute(self, node: ast.Attribute, *_) -> None:
        qualified = self.known.qualified(node)
        rule = rule_of_name(qualified)
        if node.attr == "allow_tf32" and (not qualified or qualified.startswith("torch.backends.cud")):
            rule = "DEV-012"
        if rule == "DST-005":
            rule = ""
        if (
            not rule
            and node.attr == "is_cuda"
            and isinstance(node.ctx, ast.Load)
            and last_name(node.value) != "self"
        ):
            rule = "DEV-004"
        if rule:
            self.hit(rule, node)
        else:
            self.visit(node.value)

    def _name(self, node: ast.Name, *_) -> None:
        if isinstance(node.ctx, ast.Load):
            qualified = self.known.aliases.get(node.id, "")
            rule = rule_of_name(qualified) if "." in qualified else ""
            if rule and rule_of_module(qualified) != rule:
                self.hit(rule, node)

    def _constant(self, node: ast.Constant, role: Role, name: str) -> None:
        if isinstance(node.value, str):
            rule = rule_of_string(node.value, role, name)
            if rule:
                self.hit(rule, node)

    def _formatted(self, node: ast.JoinedStr, role: Role, name: str) -> None:
        first = node.values[0] if node.values else None
        rule = (
            rule_of_prefix(first.value)
            if isinstance(first, ast.Constant) and isinstance(first.value, str)
            else ""
        )
        if rule and rule_of_string("cuda:0", role, name):
            self.hit(rule, node)
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def _dict(self, node: ast.Dict, *_) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                self._without_types(key)
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self._valued(key.value, value, Role.KEYWORD)
            else:
                self.visit(value, Role.ITEM)

    def _without_types(self, node: ast.expr) -> None:
        """An operand of a comparison or a key: a number format named there is not used."""
        if not (isinstance(node, ast.Attribute) and rule_of_name(self.known.qualified(node)) in _TYPES):
            self.visit(node, Role.KEY)

    def _subscript(self, node: ast.Subscript, *_) -> None:
        self.visit(node.value)
        self.visit(node.slice, Role.KEY, last_name(node.value))


def hits(tree: ast.Module, known: Names, text: Sequence[str] | None = None) -> list[Hit]:
    """Every place that a rule speaks of, as nodes of the syntax tree; quicker with the lines of its source."""
    walk = Walk(known, None if text is None else lines_of_interest(text, known))
    walk.block(tree.body)
    return walk.hits


def findings(path: str, tree: ast.Module, known: Names, lines: list[str]) -> tuple[Finding, ...]:
    """Every finding of one file, in the order of lines, each rule once for one place."""
    seen: dict[tuple[int, int, str], Finding] = {}
    for rule, node, guard, variant, subject in hits(tree, known, lines):
        line, offset = _place(node, known)
        text = lines[line - 1] if line <= len(lines) else ""
        column = _characters(text, offset) + 1
        finding = Finding(rule, path, line, column, guard, text.strip()[:160], variant, subject)
        seen.setdefault((line, column, rule), finding)
    return tuple(sorted(seen.values(), key=lambda f: (f.line, f.column, f.rule)))


def _place(node: ast.AST, known: Names) -> tuple[int, int]:
    """Line and byte offset; of a method call that of the method, which may stand lines below its receiver."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not known.qualified(node.func):
        func = node.func
        return func.end_lineno or func.lineno, (func.end_col_offset or 0) - len(func.attr.encode())
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)


def _root(node: ast.AST) -> str:
    """The first name of a dotted name or of the call of one."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _characters(text: str, byte_offset: int) -> int:
    return byte_offset if text.isascii() else len(text.encode()[:byte_offset].decode(errors="replace"))
