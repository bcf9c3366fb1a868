"""Evaluates Python expressions as far as calls of constructors need it; everything else is an error at its place.

Names, attributes, numbers, strings, lists, tuples, dictionaries, arithmetic and conditions on these, `[cell] * 2`,
comprehensions, some functions of Python (`range`, `zip`, `len`, `int`, …), calls of functions of the text, and
`functools.partial`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError, Source, Span
from rnnc.importing.python import classes, words
from rnnc.importing.python.calling import partial, spread, substituted, taken_apart
from rnnc.importing.python.moments import at
from rnnc.importing.python.python import (
    FUNCTIONS,
    READ,
    binary,
    called,
    check_count,
    compared,
    limited,
    truth,
)
from rnnc.importing.python.values import (
    Applied,
    Blueprint,
    Broken,
    Finals,
    Function,
    Functional,
    Given,
    Incoming,
    Instance,
    Made,
    Method,
    Names,
    Record,
    Reference,
    Remarks,
    Size,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    describe,
    is_tensor,
    problem,
)  # fmt: skip
from rnnc.importing.texts import applying, functional
from rnnc.importing.texts.along import BY_ITSELF
from rnnc.importing.texts.arrays import FILLED, SIZES, TYPE, ZEROS
from rnnc.importing.texts.changes import check_changes
from rnnc.importing.texts.fields import ordered, told
from rnnc.importing.texts.finals import several
from rnnc.importing.texts.parts import indexed
from rnnc.importing.texts.places import Places
from rnnc.importing.texts.steps import steps_of
from rnnc.importing.texts.tensors import Tensors
from rnnc.importing.texts.thrown import tell_training
from rnnc.semantics.near import did_you_mean

MAX_DEPTH = 50
MAX_WORK = 100_000  # expressions

Bind = Callable[[Reference, ast.Call, "Evaluator", Names, Span], Made | Applied]
Knows = Callable[[Reference], bool]
# The names behind a function's statements, and its result.
CarryOut = Callable[[ast.FunctionDef, Names], tuple[Names, Value]]


def _no_statements(function: ast.FunctionDef, names: Names) -> tuple[Names, Value]:
    raise problem("E602", f"`{function.name}` is not read here", None)


class Evaluator:
    """Evaluates expressions of one text; `bind` makes objects of calls of what a library `knows`."""

    def __init__(self, source: Source, bind: Bind, knows: Knows) -> None:
        self._bind = bind
        self.knows = knows
        self.carry_out: CarryOut = _no_statements
        self.functions_of: Callable[[str], Mapping[str, str]] = lambda path: {}  # of the library of a dotted name
        self.tensors = Tensors(self)
        self.remarks = Remarks()
        self.returned: Span | None = None  # where the function that was carried out last tells what it gives
        self.models = 0  # functions of models that are carried out, one in another
        self._depth = self._work = 0
        self.names_of_line: Names = {}  # all names of the line that is evaluated
        self.outermost: set[ast.Lambda] = set()  # functions that stand in no other
        self.changes: dict[ast.Lambda, set[str]] = {}  # parameters that functions change by `op=`
        self.library: str | None = None  # whose constructor's arguments are evaluated: names that stand alone are its
        self._data: dict[str, Incoming] = {}  # what a script calls models on, as it has it
        self._places = Places(source)

    def span(self, node: ast.AST) -> Span:
        """Where a node stands."""
        return self._places.span(node)

    def given(self, node: ast.expr, names: Names) -> Given:
        """The value of an expression, with its place. Raises DiagnosticError."""
        self._work += 1
        if self._depth >= MAX_DEPTH:
            raise problem("E602", "this is nested too deeply", self.span(node))
        if self._work >= MAX_WORK:
            raise problem("E602", "this text does too much", self.span(node))
        self._depth += 1
        try:
            return Given(self._value(node, names), self.span(node))
        finally:
            self._depth -= 1

    def line(self, node: ast.expr, names: Names) -> Given:
        """The value of a line of the text."""
        outer, self.names_of_line = self.names_of_line, names
        try:
            return self.given(node, names)
        finally:
            self.names_of_line = outer

    def items(self, node: ast.expr, names: Names) -> list[Given]:
        """The members of a list that a line of the text goes through."""
        found = self.line(node, names) if steps_of(self, node, names) is None else None
        if found is None or isinstance(found.value, Tensor):
            raise problem("E602", "a loop over the steps of a sequence is not read", self.span(node), fix=BY_ITSELF)
        return self._list(found)

    def truth(self, node: ast.expr, names: Names) -> bool:
        return truth(self.line(node, names))

    def argument(self, node: ast.expr, names: Names, library: str) -> Given:
        """The value of an argument of a constructor of a library."""
        outer, self.library = self.library, library
        try:
            return self.given(node, names)
        finally:
            self.library = outer

    def run(self, function: ast.FunctionDef, names: Names, *, of_model: bool) -> tuple[Names, Value]:
        """The names behind the last statement of a function, and its result. `of_model`: `models` counts it."""
        self.models += of_model
        try:
            return self.carry_out(function, names)
        finally:
            self.models -= of_model

    def bound(self, reference: Reference, node: ast.Call, names: Names, where: Span) -> Made | Applied:
        """The object that a call of a library's name makes. E603: no library has the name."""
        return self._bind(reference, node, self, names, where)

    def incoming(self, text: str, name: str) -> Incoming:
        """What comes in wherever a script calls models on this expression, with a name for where it is the first."""
        return self._data.setdefault(text, Incoming(name, len(self._data)))

    def _value(self, node: ast.expr, names: Names) -> Value:
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as value):
                return limited(value, self.span(node))
            case ast.Name(id=name):
                entry = names.get(name)
                return Reference(name) if entry is None else self.entry(entry).value
            case ast.Attribute(value=base, attr=attribute):
                return self._attribute(self.given(base, names).value, attribute, node)
            case ast.List() | ast.Tuple() | ast.ListComp() | ast.GeneratorExp():
                return list(self._items(node, names))
            case ast.Subscript(value=base, slice=place, ctx=ast.Store()):
                return applying.part(self.given(base, names), place)
            case ast.Subscript(value=base, slice=place) if is_tensor(held := self.given(base, names).value):
                return indexed(self, held, place, node, names)
            case ast.Dict() | ast.Subscript() | ast.IfExp() | ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return self._chosen(node, names)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                if (tensor := self.tensors.computed(node, names)) is not None:
                    return tensor
                number = self._number(operand, names)
                return -number if isinstance(op, ast.USub) else number
            case ast.BinOp():
                return self._operator(node, names)
            case ast.Call():
                return self._call(node, names)
            case ast.Lambda():
                return self._function(node, names)
            case ast.JoinedStr():
                return words.put_together(self, node, names)
            case _:
                raise problem("E602", "this kind of expression is not read", self.span(node), fix=READ)

    def _attribute(self, value: Value, attribute: str, node: ast.expr) -> Value:
        """`tf.nn.relu`, `config.units`, `x.shape`."""
        if isinstance(value, Reference):
            return Reference(f"{value.path}.{attribute}")
        if isinstance(value, Record) and attribute in value.fields:
            return self.entry(value.fields[attribute]).value
        if isinstance(value, Instance):
            return self._member_of(value, attribute, node)
        if attribute in SIZES and is_tensor(value):
            tensor = as_tensor(value) if attribute == "shape" else None
            return Size(tensor) if tensor is not None else Reference(TYPE)
        if isinstance(value, Made) and (found := told(value, attribute)) is not None:
            return found
        if isinstance(value, list) and attribute == "values" and isinstance(value[0].value, Tensor):
            return value[0].value  # of `y.max(1)`
        raise problem("E602", f"`.{attribute}` of {describe(value)} is not evaluated here", self.span(node))

    def _operator(self, node: ast.BinOp, names: Names) -> Value:
        """Of tensors a layer of Keras, where both are what layers give, or else a formula."""
        a, b = self.given(node.left, names), self.given(node.right, names)
        layer = applying.OPERATOR_LAYERS.get(type(node.op))
        if layer is not None and isinstance(a.value, Applied) and isinstance(b.value, Applied):
            both = ast.copy_location(ast.List(elts=[node.left, node.right], ctx=ast.Load()), node)
            call = ast.copy_location(ast.Call(func=node.left, args=[both], keywords=[]), node)
            found = self.bound(Reference(layer), call, names, self.span(node))
            return replace(found, is_sign=True) if isinstance(found, Applied) else found
        if is_tensor(a.value) or is_tensor(b.value):
            tensor = self.tensors.computed(node, names)
            if tensor is None:
                raise several(self.span(node))
            return tensor
        return binary(node.op, a, b, self.span(node))

    def entry(self, entry: Given | Thunk | Broken) -> Given:
        """The value of a name, which is computed once."""
        if isinstance(entry, Broken):
            raise entry.error
        if isinstance(entry, Given):
            return entry
        if entry.value is None:
            outer, self.names_of_line = self.names_of_line, entry.line
            try:
                with at(entry.moment):
                    entry.value = self.given(entry.node, entry.names)
            finally:
                self.names_of_line = outer
        return entry.value

    def _function(self, node: ast.Lambda, names: Names) -> Function:
        def evaluate(each: ast.expr) -> Given:
            return self.given(each, {**names, **self.names_of_line} if is_outermost else names)

        is_outermost = node in self.outermost
        return Function(node, names, self.span(node), evaluate, is_outermost)

    def _chosen(self, node: ast.expr, names: Names) -> Value:
        """Conditions, what they choose, and members of lists and dictionaries."""
        match node:
            case ast.Dict(keys=keys, values=values):
                return Record(self._fields(keys, values, names))
            case ast.Subscript(value=base, slice=place) if not isinstance(place, ast.Slice | ast.Tuple):
                return applying.member(self, self.given(base, names), self.given(place, names))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                tell_training(self, test)
                return self.given(body if truth(self.given(test, names)) else orelse, names).value
            case ast.BoolOp(op=op, values=values):
                found = self.given(values[0], names)
                for value in values[1:]:
                    if truth(found) is isinstance(op, ast.Or):
                        break
                    found = self.given(value, names)
                return found.value
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not truth(self.given(operand, names))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return compared(self.given(left, names), op, self.given(right, names), self.span(node))
            case _:
                raise problem("E602", "this kind of expression is not read", self.span(node), fix=READ)

    def _fields(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], names: Names) -> Names:
        """The values of a dictionary by their keys; without one stands another dictionary, `**common`."""
        fields: dict[str, Given | Thunk | Broken] = {}
        for key, value in zip(keys, values, strict=True):
            if key is None and isinstance(inner := self.given(value, names).value, Record):
                fields |= inner.fields
            else:
                fields[self._key(key, names)] = Thunk(value, names, self.names_of_line)
        return fields

    def _key(self, key: ast.expr | None, names: Names) -> str:
        found = self.given(key, names).value if key is not None else None
        if isinstance(found, str | int):
            return str(found)
        raise problem("E602", "keys of a dictionary are strings here", self.span(key) if key else None)

    def _member_of(self, instance: Instance, attribute: str, node: ast.expr) -> Value:
        if attribute == "training":
            return False
        try:
            return classes.member(self, instance, attribute, node)
        except KeyError:
            fix = did_you_mean(attribute, instance.fields)
            what = f"`{instance.blueprint.node.name}` sets no `{attribute}`"
            raise problem("E602", what, self.span(node), fix=fix) from None

    # --- calls ---

    def _call(self, node: ast.Call, names: Names) -> Value:
        if isinstance(node.func, ast.Attribute) and (held := applying.holder(self, node.func, names)) is not None:
            return applying.method(self, held, node.func, node, names)
        if isinstance(node.func, ast.Attribute) and node.func.attr in FILLED:  # of an array that no layer gives
            return Reference(ZEROS)
        function = self.given(node.func, names).value
        node, names = spread(self, node, names)
        match function:
            case Reference():
                return self._named(function, node, names)
            case Record(is_class=True):
                return Record(function.fields)
            case Function():
                check_changes(self, self.changes.get(function.node, set()), function.node.args, node, names)
                return substituted(self, function, node, names)
            case Made():
                return applying.applied(self, function, node, names)
            case Blueprint():
                return classes.made_of(self, function, node, names)
            case Instance():
                return classes.called(self, function, *applying.with_data(self, function, node, names))
            case Functional():
                return functional.called(self, function, node, names)
            case Method():
                return classes.method_called(self, function, node, names)
            case _:
                raise problem("E602", f"{describe(function)} is called here", self.span(node.func))

    def _named(self, function: Reference, node: ast.Call, names: Names) -> Value:
        """A call of what the text does not define: of a function of Python's, or of a library's."""
        match function:
            case Reference(last="OrderedDict") if len(node.args) == 1 and not node.keywords:
                return ordered(self.given(node.args[0], names))
            case Reference(path="dict") if len(node.args) <= 1:
                base = self.given(node.args[0], names).value if node.args else Record({})
                pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
                more = {name: Thunk(value, names, self.names_of_line) for name, value in pairs if name is not None}
                return Record({**(base.fields if isinstance(base, Record) else {}), **more})
            case Reference(path=name) if name in FUNCTIONS and not node.keywords:
                return called(name, [self.given(argument, names) for argument in node.args], self.span(node))
            case Reference(path="getattr") if len(node.args) > 1:
                name = self.given(node.args[1], names).value
                whole = ast.Attribute(value=node.args[0], attr=name if isinstance(name, str) else "", ctx=ast.Load())
                return self.given(ast.copy_location(whole, node), names).value
            case Reference(last="constant" | "convert_to_tensor" | "ModuleDict") if node.args and not self.knows(
                function
            ):
                return self.given(node.args[0], names).value
            case Reference(last="placeholder"):
                fix = "give the number: `keep_prob = 0.5` in its place"
                raise problem("E602", "a placeholder has no value before the graph runs", self.span(node), fix=fix)
            case Reference(last="ModuleList") if not self.knows(function):
                return self._list(self.given(node.args[0], names)) if node.args else []
            case Reference(last="get") if function.path.endswith("activations.get") and len(node.args) == 1:
                return self.given(node.args[0], names).value
            case Reference(last="Model") if not self.knows(function):
                return functional.made_of(self, node, names)
            case Reference(last="partial") if not self.knows(function):
                return partial(self, node, names)
            case _:
                return applying.of_library(self, function, node, names)

    def if_known(self, node: ast.expr, names: Names) -> Given:
        """The value of an expression, None where nothing tells it."""
        try:
            return self.given(node, names)
        except DiagnosticError:
            return Given(None, self.span(node))

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
        for item in self._list(self.given(clause.iter, names)):
            inner = {**names, **taken_apart(self, clause.target, item)}
            if all(truth(self.given(test, inner)) for test in clause.ifs):
                yield from self._comprehension(element, rest, inner)

    def _list(self, given: Given) -> list[Given]:
        if isinstance(given.value, Finals) and given.value.is_plain:
            return [Given(each, given.span) for each in given.value.all()]
        if isinstance(given.value, list):
            check_count(len(given.value), given.span)
            return given.value
        raise problem("E602", f"a list is wanted here, not {describe(given.value)}", given.span)

    def _number(self, node: ast.expr, names: Names) -> int | float:
        given = self.given(node, names)
        if isinstance(given.value, int | float) and not isinstance(given.value, bool):
            return given.value
        raise problem("E602", f"a number is wanted here, not {describe(given.value)}", given.span)
