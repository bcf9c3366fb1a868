"""The states of a cell of TensorFlow as it nests them, and which of them a DropoutWrapper drops."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from rnnc.importing.pieces.lowering import Call
from rnnc.importing.python.values import Function, Given, Made

_ONE = """
    BasicRNNCell GRUCell GRUBlockCell GRUBlockCellV2 UGRNNCell MinimalRNNCell CFNCell IntersectionRNNCell SRUCell
    IndRNNCell IndyGRUCell CudnnCompatibleGRUCell
"""
_PAIR = """
    BasicLSTMCell LSTMCell LSTMBlockCell CoupledInputForgetGateLSTMCell LayerNormBasicLSTMCell LayerNormLSTMCell
    WeightNormLSTMCell NASCell PhasedLSTMCell ConvLSTMCell Conv1DLSTMCell Conv2DLSTMCell Conv3DLSTMCell GLSTMCell
    IndyLSTMCell CudnnCompatibleLSTMCell
"""
ONE, PAIR = frozenset(_ONE.split()), frozenset(_PAIR.split())
GRIDS = {"GridLSTMCell": 2, "BidirectionalGridLSTMCell": 4}  # states of every slice: c and m, of each direction
IS_PAIR, IS_TUPLE = "LSTMStateTuple", "tuple"


@dataclass(frozen=True)
class Slot:
    """One tensor. It holds `count` states of a description side by side; None: as many as the cell has."""

    count: int | None = 1


@dataclass(frozen=True)
class Several:
    """A tuple of states."""

    kind: str
    parts: tuple[State, ...]


State = Slot | Several
C_AND_H = Several(IS_PAIR, (Slot(), Slot()))


def states_of(made: Made) -> State:
    """The states of a cell."""
    name = made.constructor.name
    if name in ONE:
        return Slot()
    if name in GRIDS:
        blocks = made.arguments["num_frequency_blocks"].value
        counts = [item.value for item in blocks if isinstance(item.value, int)] if isinstance(blocks, list) else []
        found: State = Several(IS_TUPLE, (Slot(),) * (GRIDS[name] * sum(counts)))
    elif name in PAIR:
        found = C_AND_H
    elif name == "MultiRNNCell" or name == "AttentionCellWrapper":
        cells = made.arguments["cells" if name == "MultiRNNCell" else "cell"]
        items = cells.value if isinstance(cells.value, list) else [cells]
        inner = tuple(_of_given(item) for item in items)
        found = Several(IS_TUPLE, inner if name == "MultiRNNCell" else (*inner, Slot(), Slot()))
    elif "cell" in made.arguments:
        return _of_given(made.arguments["cell"])
    else:
        return Slot(None)
    return Slot(_count(found)) if _is_joined(made) else found


def kept(call: Call) -> list[int]:
    """The places of the states that a DropoutWrapper leaves alone, among those of the cell inside of it."""
    visitor = call.given("dropout_state_filter_visitor").value
    if visitor is not None and not isinstance(visitor, Function):
        fix = "write it as a `lambda`, or as a `def` above the call"
        raise call.wrong("dropout_state_filter_visitor", "a function", fix)
    found: list[int] = []
    place: int | None = 0
    for slot, dropped in _leaves(call, _of_given(call.given("cell")), visitor):
        if not dropped:
            if place is None or slot.count is None:
                why = "how many states the cell has depends on the width of its input"
                raise call.cannot("state_keep_prob", why, "leave it out, and write the `carry` of each state by hand")
            found += range(place, place + slot.count)
        place = None if place is None or slot.count is None else place + slot.count
    return found


def _of_given(given: Given) -> State:
    return states_of(given.value) if isinstance(given.value, Made) else Slot(None)


def _is_joined(made: Made) -> bool:
    given = made.arguments.get("state_is_tuple")
    return given is not None and given.value is False


def _count(state: State) -> int | None:
    if isinstance(state, Slot):
        return state.count
    counts = [_count(part) for part in state.parts]
    return None if None in counts else sum(count for count in counts if count is not None)


def _leaves(call: Call, state: State, visitor: Function | None) -> Iterator[tuple[Slot, bool]]:
    """Every tensor, and whether it is dropped: what the visitor says of a state counts for all in it that it is not
    asked about."""
    said = _visited(call, visitor, state)
    if isinstance(state, Slot):
        yield state, bool(said)
    elif isinstance(said, bool):
        for part in state.parts:
            yield from _leaves(call, part, visitor) if said else _untouched(part)
    elif len(said) != len(state.parts):
        raise call.cannot("dropout_state_filter_visitor", f"it gives {len(said)} answers for {len(state.parts)} states")
    else:
        for answer, part in zip(said, state.parts, strict=True):
            yield from _leaves(call, part, visitor) if answer else _untouched(part)


def _untouched(state: State) -> Iterator[tuple[Slot, bool]]:
    if isinstance(state, Slot):
        yield state, False
    else:
        for part in state.parts:
            yield from _untouched(part)


def _visited(call: Call, visitor: Function | None, state: State) -> bool | list[bool]:
    """What the visitor gives for a state; TensorFlow's own leaves c of a pair alone."""
    if visitor is None:
        return [False, True] if isinstance(state, Several) and state.kind == IS_PAIR else True
    said = _answer(call, visitor.node.body, state)
    if isinstance(said, list) and isinstance(state, Slot):
        raise call.cannot("dropout_state_filter_visitor", "it gives several answers for one tensor")
    return said


def _answer(call: Call, node: ast.expr, state: State) -> bool | list[bool]:
    """What an expression of a visitor gives: constants, tests of what a state is, an answer for each of several."""

    def truth(inner: ast.expr) -> bool:
        found = _answer(call, inner, state)
        return found if isinstance(found, bool) else bool(found)

    match node:
        case ast.Constant(value=bool() as value):
            return value
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _answer(call, body if truth(test) else orelse, state)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not truth(operand)
        case ast.BoolOp(op=op, values=values):
            return (all if isinstance(op, ast.And) else any)(truth(value) for value in values)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [truth(element) for element in elements]
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Tuple(elts=kinds)]):
            return any(_is_a(kind, state) for kind in kinds)
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kind]):
            return _is_a(kind, state)
        case ast.Call(args=arguments, keywords=keywords) if _last(node.func) == IS_PAIR:
            named = {keyword.arg: keyword.value for keyword in keywords}
            return [truth(each) for each in (*arguments, *(named[name] for name in ("c", "h") if name in named))]
        case _:
            why = f"`{ast.unparse(node)}` is not evaluated here"
            fix = "read are True, False, `isinstance(s, …)`, conditions, tuples and LSTMStateTuple(c=…, h=…) of these"
            raise call.cannot("dropout_state_filter_visitor", why, fix)


def _is_a(kind: ast.expr, state: State) -> bool:
    wanted = _last(kind)
    if isinstance(state, Slot):
        return wanted == "Tensor"
    return wanted == IS_TUPLE or wanted == state.kind


def _last(node: ast.expr) -> str:
    """The last word of a dotted name."""
    return ast.unparse(node).rpartition(".")[2]
