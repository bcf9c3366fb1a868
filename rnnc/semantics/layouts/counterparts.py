"""Reads `layout tf(reference = tf.nn.rnn_cell.GRUCell(units))`: the call that makes the same in the library itself.

The call is only taken down: what is called, and with which compile-time values and inner cells. Whoever builds it knows
the few functions that there are; a description can name others, and gets an error then.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnc.ir.layout import Counterpart, CounterpartArgument, FunctionName, InnerCounterpart
from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.problems import PRELUDE, Problem
from rnnc.semantics.scopes.values import Choice, FnValue, Num, Scope, Value, describe
from rnnc.syntax import ast

OPTION = "reference"  # of a layout
COST = 10  # in units of work


class CounterpartReader:
    """The counterparts that the layouts of one name declare, in a body and the bodies inside it."""

    def __init__(self, expressions: Expressions, layout: str) -> None:
        self._expressions, self._layout = expressions, layout

    def read(self, frame: Frame, place: str = "") -> Counterpart | None:
        """That of a body; `place` is put in front of the names of inner cells. None: there is none, or it is `none`."""
        declared = [
            (option, Context(Scope(scope), frame))
            for block, scope in frame.layouts
            for option in block.options
            if block.name == self._layout and option.name == OPTION
        ]
        if not declared:
            return None
        option, c = declared[-1]
        value = self._argument(option.value, c, place)
        if value is None or isinstance(value, Counterpart):
            return value
        if isinstance(value, InnerCounterpart):
            return value.counterpart
        fix = "for example `reference = tf.nn.rnn_cell.GRUCell(units)`, or `none`"
        raise Problem("E510", "a reference is a call of the library's", option.value.span, fix=fix)

    def _argument(self, e: ast.Expr, c: Context, place: str) -> CounterpartArgument:
        self._expressions.work.spend(COST, e.span)
        match e:
            case ast.Call(function=ast.Attribute()):
                return self._call(e, c, place)
            case ast.List():
                return tuple(self._argument(item, inner, place) for item, inner in self._items(e, c))
            case ast.Conditional():
                chosen = e.value if self._expressions.truth(e.test, c) else e.orelse
                return None if chosen is None else self._argument(chosen, c, place)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                key = self._key(e, c)
                if key in c.frame.children:
                    child = c.frame.children[key]
                    return InnerCounterpart(place + key, self.read(child, f"{place}{key}."))
                return _plain(self._expressions.value(e, c), e)
            case _:
                return _plain(self._expressions.value(e, c), e)

    def _call(self, e: ast.Call, c: Context, place: str) -> Counterpart:
        arguments: list[tuple[str, CounterpartArgument]] = []
        for argument in e.arguments:
            if isinstance(argument, ast.SharedOver) or argument.mark == ":":
                raise Problem("E510", "an argument is a value, or `name = value`", argument.span)
            if isinstance(argument.value, ast.Comprehension):
                raise Problem("E510", "a list stands in brackets here: `[… for k in …]`", argument.span)
            arguments.append((argument.name or "", self._argument(argument.value, c, place)))
        return Counterpart(_dotted(e.function), tuple(arguments), e.span)

    def _items(self, e: ast.List, c: Context) -> Iterator[tuple[ast.Expr, Context]]:
        for item in e.items:
            if isinstance(item, ast.Comprehension):
                for inner in self._expressions.each(item.clauses, c):
                    yield item.value, inner
            else:
                yield item, c

    def _key(self, e: ast.Expr, c: Context) -> str:
        """`y[0].forward`, as inner cells and layers are called; "" where it is nothing of the kind."""
        match e:
            case ast.Name():
                return e.id
            case ast.Attribute():
                base = self._key(e.base, c)
                return f"{base}.{e.name}" if base else ""
            case ast.Subscript() if not any(isinstance(i, ast.Slice) for i in e.items):
                places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
                base = self._key(e.base, c)
                known = any(key == base or key.startswith((f"{base}[", f"{base}.")) for key in c.frame.children)
                if not (base and known):
                    return ""
                return f"{base}[{','.join(map(str, self._expressions.indices(places, c)))}]"
            case _:
                return ""


def _dotted(e: ast.Expr) -> str:
    """`tf.nn.rnn_cell.GRUCell`, as it is written."""
    match e:
        case ast.Name():
            return e.id
        case ast.Attribute():
            return f"{_dotted(e.base)}.{e.name}"
        case _:
            raise Problem("E510", "the name of a function is wanted here", e.span)


def _plain(value: Value, e: ast.Expr) -> CounterpartArgument:
    """A compile-time value as an argument."""
    match value:
        case None | bool() | str():
            return value
        case Num(value=float(number)):
            return number
        case Num() if value.size is not None:
            return value.size
        case Choice():
            return value.word
        case FnValue():
            known = value.definition is None or value.definition.span.source.name == PRELUDE
            return FunctionName(value.name, own=not known)
        case tuple():
            return tuple(_plain(item, e) for item in value)
        case _:
            fix = "inner cells are called by the names that they have here: `f`, `y[0]`, `y.forward`"
            raise Problem("E510", f"a reference cannot be given {describe(value)}", e.span, fix=fix)
