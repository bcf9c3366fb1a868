"""Loops over the steps of a sequence that do at every step what layers do by themselves: cells that are called on
a step and on the state that they have left, layers and functions of one step. What a loop makes is a sequence."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces.axes import STEPS, is_plain, letter_of
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import (
    Applied,
    Broken,
    Computed,
    Given,
    Lost,
    Made,
    Names,
    Reference,
    Size,
    Steps,
    Tensor,
    Value,
    as_tensor,
    problem,
)
from rnnc.importing.texts.along import BY_ITSELF
from rnnc.importing.texts.changes import works_in_place
from rnnc.importing.texts.lists import Changes
from rnnc.importing.texts.parts import one_step
from rnnc.importing.texts.tensors import Tensors

OTHER = "the steps of another array are counted"
CELLS = ("RNNCell", "GRUCell", "LSTMCell")
OF_A_STEP = ("Linear", "Dropout", "LayerNorm", "Identity", "Embedding")  # layers that know of one step alone
_FUNCTIONS = "tanh sigmoid relu relu6 elu selu softplus silu gelu leaky_relu softsign exp abs square"
FUNCTIONS = frozenset(_FUNCTIONS.split())


class NotPlain(Exception):
    """A loop that does something else: where, and what."""

    def __init__(self, node: ast.AST, what: str) -> None:
        super().__init__(node, what)
        self.node, self.what = node, what


def steps_of(ev: Evaluates, node: ast.expr, names: Names) -> Size | None:
    """How many steps there are, where a loop counts them: `range(x.size(1))`."""
    while isinstance(node, ast.Call) and ast.unparse(node.func) in ("reversed", "enumerate", "tqdm") and node.args:
        node = node.args[0]
    if not isinstance(node, ast.Call) or ast.unparse(node.func) != "range":
        return None
    found = [ev.if_known(each, names).value for each in node.args]
    return next((each for each in found if isinstance(each, Size)), None)


def over_steps(ev: Evaluates, tensors: Tensors, loop: ast.For, names: Names) -> dict[str, Given | Broken] | None:
    """The names behind a loop over all steps; None where it is another one. E602: it does what is not read."""
    count = steps_of(ev, loop.iter, names)
    is_whole = isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) == "range" and len(loop.iter.args) == 1
    if count is None or not is_whole or loop.orelse or not isinstance(loop.target, ast.Name):
        return None
    try:
        return _Loop(ev, tensors, loop, loop.target.id, count, names).read()
    except NotPlain as found:
        what = f"a loop over the steps of a sequence is not read: {found.what}"
        raise problem("E602", what, ev.span(found.node), fix=BY_ITSELF) from None


class _Loop:
    """One such loop; `_now` are the names that a step has given a value."""

    def __init__(self, ev: Evaluates, tensors: Tensors, loop: ast.For, at: str, count: Size, names: Names) -> None:
        self._ev, self._tensors, self._names = ev, tensors, names
        self._loop, self._at, self._count = loop, at, count
        stored = [name for each in loop.body for name in _stored_in(each)]
        self._stored = {*stored, at}
        self._often = {name for name in stored if stored.count(name) > 1}
        self._now: dict[str, Given] = {}
        self._after: dict[str, Given | Broken] = {}

    def read(self) -> dict[str, Given | Broken]:
        for statement in self._loop.body:
            self._statement(statement)
        return {**{name: self._last(each) for name, each in self._now.items()}, **self._after}

    def _last(self, each: Given) -> Given:
        tensor = as_tensor(each.value)
        assert tensor is not None
        return Given(_at_the_end(tensor, each.span), each.span)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[target], value=ast.Call() as call) if (made := self._cell(call)) is not None:
                self._run(target, made, call)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._now[name] = self._sequence(value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[one])):
                self._append(name, one)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=ast.List(elts=[one])):
                self._append(name, one)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case _:
                node = statement.test if isinstance(statement, ast.If | ast.While) else statement
                what = "read are calls on one step and lists that grow, and no other statement"
                raise NotPlain(node, what)

    def _cell(self, call: ast.Call) -> Made | None:
        value = self._ev.if_known(call.func, self._names).value
        is_cell = isinstance(value, Made) and value.constructor.name in CELLS and value.constructor.library == "torch"
        return value if is_cell and isinstance(value, Made) else None

    def _run(self, target: ast.expr, made: Made, call: ast.Call) -> None:
        """`h = self.cell(x[:, t], h)`, `h, c = self.cell(x[:, t], (h, c))`: the cell over the sequence."""
        if len(call.args) != 2 or call.keywords:
            raise NotPlain(call, "a cell is called on a step and on its state")
        given, state = call.args
        own = [each.id for each in _members(target) if isinstance(each, ast.Name)]
        begins = [each.id for each in _members(state) if isinstance(each, ast.Name)]
        if own != begins or len(own) != (2 if made.constructor.name == "LSTMCell" else 1):
            raise NotPlain(call, "a cell is given the state that it has left in the step before, under the same name")
        if self._often & {*own} or not {*own}.isdisjoint(self._now):
            raise NotPlain(call, f"something else changes the state {_quoted(own)}, too")
        if any(name not in self._names for name in own):
            raise NotPlain(state, "nothing tells what the cell begins with")
        sequence = self._sequence(given)
        span = self._ev.span(call)
        if self._tensors.state(made, state, self._names) is not None:
            raise NotPlain(state, f"{_quoted(own)} is neither None nor zeros in front of it")
        tensor = as_tensor(sequence.value)
        assert tensor is not None
        self._now[own[0]] = Given(Applied(Given(made, self._ev.span(call.func)), (tensor,)), span)
        for name in own[1:]:
            what = f"the final state `{name}` of {made.constructor.name} is not read behind a loop"
            fix = "use a layer, which gives its final states: `y, (h, c) = self.rnn(x)`"
            self._after[name] = Broken(Lost(problem("E606", what, span, fix=fix).diagnostics))

    def _append(self, name: str, one: ast.expr) -> None:
        had = self._ev.if_known(ast.copy_location(ast.Name(id=name, ctx=ast.Load()), one), self._names).value
        if had != [] or name in self._after or Changes().of(name, self._names):
            raise NotPlain(one, f"`{name}` is no list that is empty in front of it, or has several names")
        ones = None
        match one:
            case ast.Call(func=ast.Attribute(value=inner, attr="unsqueeze"), args=[ast.Constant(value=axis)]):
                one, ones = inner, axis if isinstance(axis, int) else -1
            case _:
                pass
        sequence = self._sequence(one)
        tensor = as_tensor(sequence.value)
        assert tensor is not None
        self._after[name] = Given(Steps(tensor, _at_the_end(tensor, sequence.span), ones), sequence.span)

    # --- what a step computes ---

    def _sequence(self, node: ast.expr) -> Given:
        """An expression of one step, of all of them."""
        held: dict[str, Given] = {}
        whole = self._of_a_step(node, held)
        found = self._ev.given(whole, {**self._names, **self._now, **held})
        if as_tensor(found.value) is None or not held.keys() | self._now.keys() & _names_in(whole):
            raise NotPlain(node, "this is nothing that is computed of a step")
        return found

    def _of_a_step(self, node: ast.expr, held: dict[str, Given]) -> ast.expr:
        match node:
            case ast.Constant(value=int() | float()):
                return node
            case ast.Name(id=name) if name in self._now:
                return node
            case ast.Name() | ast.Attribute() if _names_in(node).isdisjoint(self._stored) and self._is_number(node):
                return node
            case ast.Subscript(value=base, slice=place) if _names_in(base).isdisjoint(self._stored):
                name = f"‹step {len(held)}›"
                held[name] = self._step(node, base, place)
                return ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node)
            case ast.BinOp(left=left, op=op, right=right):
                both = ast.BinOp(left=self._of_a_step(left, held), op=op, right=self._of_a_step(right, held))
                return ast.copy_location(both, node)
            case ast.UnaryOp(op=ast.USub() as op, operand=operand):
                return ast.copy_location(ast.UnaryOp(op=op, operand=self._of_a_step(operand, held)), node)
            case ast.Call(func=function, args=[one], keywords=[]) if self._is_of_a_step(function):
                call = ast.Call(func=function, args=[self._of_a_step(one, held)], keywords=[])
                return ast.copy_location(call, node)
            case ast.Name(id=name) if name == self._at:
                raise NotPlain(node, f"`{name}`, the number of the step, is used as one")
            case ast.Name(id=name) if name in self._stored:
                raise NotPlain(node, f"`{name}` is read before this step has given it a value")
            case ast.Call(func=function):
                what = f"`{ast.unparse(function)}` of these arguments is no layer or function that is known to do the "
                raise NotPlain(node, f"{what}same to every step")
            case _:
                raise NotPlain(node, "this is not known to be the same at every step")

    def _is_number(self, node: ast.expr) -> bool:
        return isinstance(self._ev.if_known(node, self._names).value, int | float)

    def _is_of_a_step(self, function: ast.expr) -> bool:
        """Whether a layer or a function does the same to every step."""
        value = self._ev.if_known(function, self._names).value if _names_in(function).isdisjoint(self._stored) else None
        return _does_so(value)

    def _step(self, whole: ast.expr, base: ast.expr, place: ast.expr) -> Given:
        """`x[:, t]`, or `x[t]` where the steps come first: the whole sequence."""
        span = self._ev.span(whole)
        tensor = as_tensor(self._ev.if_known(base, self._names).value)
        parts = place.elts if isinstance(place, ast.Tuple) else [place]
        while parts and ast.unparse(parts[-1]) == ":":
            parts = parts[:-1]
        axis = len(parts) - 1
        is_step = [ast.unparse(each) for each in parts] in ([self._at], [":", self._at])
        counts = self._count.tensor
        if tensor is None or not is_step:
            raise NotPlain(whole, f"this is no step `{self._at}` of a sequence")
        if tensor is counts and self._count.axis != axis:
            raise NotPlain(whole, "this is no step: another axis is counted")
        if _sources(tensor).isdisjoint(_sources(counts)):
            raise NotPlain(whole, OTHER)
        is_one = _sources(tensor) == _sources(counts)
        inner = [] if is_one else [*_made_of(tensor), *_made_of(counts)]
        counted = self._count.axis

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one, told, *rest = built
            steps = {id(each): its.is_sequence for each, its in zip(inner, rest, strict=True)}
            if not is_one and _sources(tensor, steps).isdisjoint(_sources(counts, steps)):
                raise problem("E606", f"this is no loop over the steps of a sequence: {OTHER}", span, fix=BY_ITSELF)
            known = replace(told, steps_first=counted == 0) if told.steps_first is None else told
            is_counted = counted is not None and letter_of(known, counted) == STEPS
            if not (is_counted and one.is_sequence and is_plain(one)) or one.steps_first is (axis != 0):
                raise problem("E606", "this is no loop over the steps of a sequence", span, fix=BY_ITSELF)
            if one.padding:
                what = "this loop goes over the steps behind the lengths of rows, too"
                raise problem("E606", what, span, fix="use a layer, and pack what it is given")
            return replace(one, steps_first=None)

        return Given(Computed((tensor, counts, *inner), build, tensor, tensor), span)


def together(ev: Evaluates, steps: Steps, name: str, node: ast.Call, names: Names) -> Value:
    """`torch.stack(out, 1)`, `torch.cat(out, dim=1)`: the sequence. E606: another axis than that of the steps."""
    where = [*node.args[1:], *(k.value for k in node.keywords if k.arg in ("dim", "axis"))]
    axis = ev.if_known(where[0], names).value if where else 0
    ones = axis if name != "stack" else None
    if len(where) > 1 or axis not in (0, 1) or isinstance(axis, bool) or steps.ones != ones:
        what = f"`{name}` of what a loop over the steps has made puts it together along another axis"
        raise problem("E606", what, ev.span(node), fix="torch.stack(out, dim=1)")
    span = ev.span(node)

    def build(network: Equations, built: Sequence[Built]) -> Built:
        one = built[0]
        if not one.is_sequence or not is_plain(one) or one.steps_first is (axis == 1):
            raise problem("E606", "this is no list of single steps", span)
        return replace(one, steps_first=axis == 0)

    return Computed((steps.tensor,), build, alike=steps.tensor)


def _at_the_end(tensor: Tensor, span: Span) -> Tensor:
    return Computed((tensor,), lambda network, built: one_step(network, built[0], -1, span))


def _does_so(value: Value) -> bool:
    if isinstance(value, Reference):
        return value.last in FUNCTIONS and value.path.partition(".")[0] in ("torch", "F", "nn")
    if not isinstance(value, Made) or value.constructor.library != "torch" or works_in_place(value):
        return False
    if value.constructor.name == "Sequential":
        given = value.arguments.get("layers")
        return given is not None and isinstance(given.value, list) and all(_does_so(each.value) for each in given.value)
    return value.constructor.name in OF_A_STEP or value.constructor.is_activation


def _made_of(tensor: Tensor, steps: Mapping[int, bool] = MappingProxyType({})) -> list[Tensor]:
    """An array, and what layers and functions make it of; without what has no `steps`, and the states that layers begin
    with."""
    found = {id(tensor): tensor}
    pending = [tensor]
    while pending:
        each = pending.pop()
        inner = each.inputs if isinstance(each, Applied | Computed) else ()
        new = [one for one in inner if id(one) not in found and steps.get(id(one), True)]
        found |= {id(one): one for one in new}
        pending += new
    return [*found.values()]


def _sources(tensor: Tensor, steps: Mapping[int, bool] = MappingProxyType({})) -> set[int]:
    """What an array is made of that no layer and no function gives, by identity."""
    made = _made_of(tensor, steps)
    return {id(each) for each in made if not (isinstance(each, Applied | Computed) and each.inputs)}


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _members(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List) else [node]


def _stored_in(node: ast.AST) -> list[str]:
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
