"""Evaluates Python expressions as far as calls of constructors need it; everything else is an error at its place.

Names, attributes, numbers, strings, lists, tuples, unary minus, arithmetic on numbers, `[cell] * 2`, sums of lists,
comprehensions over lists and `range`, `list` and `tuple` of these, a `lambda` that is called where it stands, and
`functools.partial`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from rnnc.diagnostics import Source, Span
from rnnc.importing.values import Applied, Function, Given, Made, Names, Partial, Reference, Value, describe, problem

MAX_ITEMS = 1000
MAX_DEPTH = 50
MAX_NUMBER = 2**53
READ = "read are calls, names, numbers, strings, lists, and comprehensions over lists and `range`"

Bind = Callable[[Reference, ast.Call, "Evaluator", Names, Span], Made]
Knows = Callable[[Reference], bool]


class Evaluator:
    """Evaluates expressions of one text; `bind` makes objects of calls of what a library `knows`."""

    def __init__(self, source: Source, bind: Bind, knows: Knows) -> None:
        self.source = source
        self._bind = bind
        self._knows = knows
        self._depth = 0
        self.library: str | None = None  # whose constructor's arguments are evaluated: names that stand alone are its
        offsets, lines = [0], source.text.split("\n")
        for line in lines:
            offsets.append(offsets[-1] + len(line) + 1)
        self._lines = list(zip(offsets, lines, strict=False))

    def span(self, node: ast.AST) -> Span:
        """Where a node stands; Python counts columns in bytes."""
        if not isinstance(node, ast.expr | ast.stmt | ast.keyword):
            return Span(self.source, 0, len(self.source.text))
        start = self._offset(node.lineno, node.col_offset)
        return Span(self.source, start, self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0))

    def _offset(self, line: int, column: int) -> int:
        offset, text = self._lines[line - 1]
        return offset + len(text.encode()[:column].decode(errors="replace"))

    def given(self, node: ast.expr, names: Names) -> Given:
        """The value of an expression, with its place. Raises DiagnosticError."""
        if self._depth >= MAX_DEPTH:
            raise problem("E602", "this is nested too deeply", self.span(node))
        self._depth += 1
        try:
            return Given(self._value(node, names), self.span(node))
        finally:
            self._depth -= 1

    def argument(self, node: ast.expr, names: Names, library: str) -> Given:
        """The value of an argument of a constructor of a library."""
        outer, self.library = self.library, library
        try:
            return self.given(node, names)
        finally:
            self.library = outer

    def _value(self, node: ast.expr, names: Names) -> Value:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return _limited(value, self.span(node))
            case ast.Name(id=name):
                return self._name(name, names)
            case ast.Attribute(value=base, attr=attribute):
                value = self.given(base, names).value
                if isinstance(value, Reference):
                    return Reference(f"{value.path}.{attribute}")
                raise problem("E602", f"`.{attribute}` of {describe(value)} is not evaluated here", self.span(node))
            case ast.List() | ast.Tuple() | ast.ListComp() | ast.GeneratorExp():
                return list(self._items(node, names))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                number = self._number(operand, names)
                return -number if isinstance(op, ast.USub) else number
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(node, self.given(left, names), op, self.given(right, names))
            case ast.Call():
                return self._call(node, names)
            case ast.Lambda():
                return Function(node, names, self.span(node), lambda each: self.given(each, names))
            case _:
                raise problem("E602", "this kind of expression is not read", self.span(node), fix=READ)

    def _name(self, name: str, names: Names) -> Value:
        entry = names.get(name)
        if entry is None:
            return Reference(name)
        if isinstance(entry, Given):
            return entry.value
        if entry.value is None:
            entry.value = self.given(entry.node, entry.names)
        return entry.value.value

    # --- calls ---

    def _call(self, node: ast.Call, names: Names) -> Value:
        function = self.given(node.func, names).value
        match function:
            case Reference(path="range"):
                return self._range(node, names)
            case Reference(path="list" | "tuple") if len(node.args) == 1 and not node.keywords:
                return self._list(self.given(node.args[0], names))
            case Reference(last="partial") if not self._knows(function):
                return self._partial(node, names)
            case Reference():
                return self._bind(function, node, self, names, self.span(node.func))
            case Function():
                return self._substituted(function, node, names)
            case Made():
                data = node.args[0] if node.args else None
                return Applied(Given(function, self.span(node.func)), data and self._behind(data, names))
            case Applied():
                raise problem("E602", "what a layer gives is called here", self.span(node.func))
            case _:
                raise problem("E602", f"{describe(function)} is called here", self.span(node.func))

    def _partial(self, node: ast.Call, names: Names) -> Partial:
        """`functools.partial(function, …)`."""
        if not node.args or any(keyword.arg is None for keyword in node.keywords):
            raise problem("E602", "this `partial` is not read", self.span(node), fix="write a `lambda`")
        function, *arguments = (self.given(argument, names) for argument in node.args)
        return Partial(function, arguments, {k.arg: self.given(k.value, names) for k in node.keywords if k.arg})

    def _behind(self, node: ast.expr, names: Names) -> Applied | None:
        """The layers that make what a layer is called on; None where it is data. A function that no library here knows
        (`tf.reshape`) gives data."""
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Call):
            function = self.given(node.func, names).value
            if isinstance(function, Reference) and not self._knows(function):
                return None
        elif not isinstance(node, ast.Call) and not (isinstance(node, ast.Name) and node.id in names):
            return None
        value = self.given(node, names).value
        return value if isinstance(value, Applied) else None

    def _substituted(self, function: Function, node: ast.Call, names: Names) -> Value:
        """`(lambda one: …)(cell)`, with positional arguments only."""
        parameters = function.node.args
        plain = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        odd = parameters.vararg or parameters.kwarg or parameters.kwonlyargs or parameters.defaults or node.keywords
        if odd or len(plain) != len(node.args):
            raise problem("E602", "this call of a lambda is not read", self.span(node), fix="write the call out")
        own = {name: self.given(argument, names) for name, argument in zip(plain, node.args, strict=True)}
        return self.given(function.node.body, {**function.names, **own}).value

    def _range(self, node: ast.Call, names: Names) -> list[Given]:
        numbers = [self._number(argument, names) for argument in node.args]
        whole = [number for number in numbers if isinstance(number, int)]
        span = self.span(node)
        if node.keywords or not 1 <= len(numbers) <= 3 or len(whole) != len(numbers) or 0 in whole[2:]:
            raise problem("E602", "`range` takes one to three whole numbers", span)
        _check_count(len(range(*whole)), span)
        return [Given(value, span) for value in range(*whole)]

    # --- lists and numbers ---

    def _items(self, node: ast.List | ast.Tuple | ast.ListComp | ast.GeneratorExp, names: Names) -> Iterator[Given]:
        if isinstance(node, ast.ListComp | ast.GeneratorExp):
            yield from self._comprehension(node.elt, node.generators, names)
            return
        for item in node.elts:
            if isinstance(item, ast.Starred):
                yield from self._list(self.given(item.value, names))
            else:
                yield self.given(item, names)

    def _comprehension(self, element: ast.expr, clauses: Sequence[ast.comprehension], names: Names) -> Iterator[Given]:
        if not clauses:
            yield self.given(element, names)
            return
        clause, rest = clauses[0], clauses[1:]
        if clause.ifs or clause.is_async:
            where = clause.ifs[0] if clause.ifs else clause.target
            raise problem("E602", "a condition in a comprehension is not evaluated", self.span(where), fix=READ)
        for item in self._list(self.given(clause.iter, names)):
            yield from self._comprehension(element, rest, {**names, **self._bound(clause.target, item)})

    def _bound(self, target: ast.expr, item: Given) -> dict[str, Given]:
        """`n`, or `n, m` of pairs."""
        if isinstance(target, ast.Name):
            return {target.id: item}
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
        values = item.value if isinstance(item.value, list) else []
        if not parts or len(parts) != len(values):
            raise problem("E602", "this does not take the values apart", self.span(target))
        found: dict[str, Given] = {}
        for part, value in zip(parts, values, strict=True):
            found |= self._bound(part, value)
        return found

    def _list(self, given: Given) -> list[Given]:
        if isinstance(given.value, list):
            _check_count(len(given.value), given.span)
            return given.value
        raise problem("E602", f"a list is wanted here, not {describe(given.value)}", given.span)

    def _number(self, node: ast.expr, names: Names) -> int | float:
        given = self.given(node, names)
        if isinstance(given.value, int | float) and not isinstance(given.value, bool):
            return given.value
        raise problem("E602", f"a number is wanted here, not {describe(given.value)}", given.span)

    def _binary(self, node: ast.BinOp, left: Given, op: ast.operator, right: Given) -> Value:
        a, b, span = left.value, right.value, self.span(node)
        if isinstance(op, ast.Mult) and isinstance(a, int) and isinstance(b, list):
            a, b = b, a
        match op, a, b:
            case ast.Mult(), list(), int() if len(a) * max(b, 0) <= MAX_ITEMS:
                return a * b
            case ast.Add(), list(), list() if len(a) + len(b) <= MAX_ITEMS:
                return a + b
            case _, int() | float(), int() | float():
                return _limited(_arithmetic(op, a, b, span), span)
            case _:
                raise problem("E602", "this arithmetic is not evaluated", span, fix=READ)


def _arithmetic(op: ast.operator, a: float, b: float, span: Span) -> int | float:
    try:
        match op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case ast.FloorDiv():
                return a // b
            case ast.Mod():
                return a % b
            case _:
                raise problem("E602", "of arithmetic, + - * / // % are evaluated", span)
    except ArithmeticError as error:
        raise problem("E602", str(error), span) from error


def _check_count(count: int, span: Span) -> None:
    if count > MAX_ITEMS:
        raise problem("E602", f"a list of more than {MAX_ITEMS} things", span)


def _limited(value: float | str | None, span: Span) -> float | str | None:
    """Numbers that a description can hold."""
    if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise problem("E602", "a number that is too large", span)
    return value
