"""What a step of a loop consists of: its nodes, those that hand on what is carried and stack results, and the arrays.

The arrays of a step are allocated once, before the loop. A carried value has two arrays, which change places after
every step; what is stacked is written into its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.backends.cuda.analysis.products import WINDOWS, product_of
from rnnc.backends.cuda.kernels.elements import Home
from rnnc.backends.cuda.straight.block import DTYPES, Block
from rnnc.backends.escape import number as literal
from rnnc.ir.program import AttrValue, Carry, DType, Loop, Node, Op, Type, Value, reads


@dataclass
class Step:
    """What a step consists of besides the nodes of the body, where its results go, and the arrays of carries."""

    nodes: list[Node]
    targets: dict[Value, Home]
    current: list[Home]
    following: list[Home]


def step_of(outer: Block, loop: Loop, index: str) -> Step:
    """The nodes of a step with those that hand on carries and stack results."""
    front, left, valid = _validity(loop)
    step = Step([*front, *loop.body], {}, *_carries(outer, loop))
    for carry, goal in zip(loop.carries, step.following, strict=True):
        if valid is not None and carry.param.type.batch:
            kept = _op(step, "where", (valid, carry.next, carry.param), carry.param.type)
        else:
            kept = _op(step, "cuda.full", (carry.next,), carry.param.type)
        step.targets[kept] = goal
        if carry.before is not None:
            outer.allocate(carry.before)
            before = _op(step, "cuda.full", (carry.param,), carry.param.type)
            step.targets[before] = Home(outer.array(carry.before), _row(carry.param.type, index))
    for value, seq in loop.ys:
        timed = loop.chunk is not None and value.type.time
        stacked = _stacked(step, value, seq.type.with_(time=timed), left if timed else valid)
        step.targets[stacked] = Home(outer.array(seq), _row(stacked.type, index))
    return step


def _full(outer: Block, carry: Carry) -> str:
    """The first value of a carry, as a whole array of its own (a literal where it is a number)."""
    if carry.init in outer.numbers:
        number = outer.numbers[carry.init]
        return literal(number) if isinstance(number, int | float) else outer.size(number)
    return outer.array(carry.init) + _stretch(carry.init.type, carry.param.type)


def _stretch(type: Type, whole: Type) -> str:
    """The index that brings an array in line with a larger type: numbers of rows with features."""
    return f"[..., {', '.join(['None'] * whole.rank)}]" if type.batch and whole.rank and not type.rank else ""


def enter(outer: Block, body: Block, loop: Loop, index: str) -> None:
    """Say where the elements of a step are."""
    for seq, param in loop.xs:
        if seq in outer.numbers:
            body.numbers[param] = outer.numbers[seq]
            continue
        home = outer.home(seq) or outer.promised(seq)
        body.place(param, home.host, _row(param.type, index), nullable=home.nullable)


def _validity(loop: Loop) -> tuple[list[Node], Value | None, Value | None]:
    """Nodes that say which rows count: what the body reads of it, and bool[batch] for the step or the whole stretch."""
    if loop.lengths is None:
        return [], None, None
    if not loop.chunk:
        valid = loop.valid or Value(Type((), DType.BOOL, batch=True), "valid")
        return [Op("cuda.valid", (loop.lengths,), (valid,))], valid, valid
    left = loop.valid or Value(Type((), DType.INT, batch=True), "left")
    valid = Value(Type((), DType.BOOL, batch=True), "valid")
    return [Op("cuda.left", (loop.lengths,), (left,)), Op("cuda.any_left", (left,), (valid,))], left, valid


def _carries(outer: Block, loop: Loop) -> tuple[list[Home], list[Home]]:
    """Two arrays for each carried value; the first one holds it before the step.

    Of halves, what products do not read is kept as float32: sums over many steps need the digits.
    """
    current: list[Home] = []
    following: list[Home] = []
    multiplied = {arg for node in loop.body if product_of(node) is not None for arg in reads(node)}
    multiplied |= {arg for node in loop.body if node.outs and node.outs[0] in multiplied for arg in _image(node)}
    for carry, init in zip(loop.carries, [_full(outer, carry) for carry in loop.carries], strict=True):
        name = outer.shared.names.new(carry.param.name or "state")
        other = outer.shared.names.new(f"{carry.param.name or 'state'}_next")
        wide = carry.param.type.dtype is DType.FLOAT and carry.param not in multiplied
        outer.shared.wide |= wide
        shape, dtype = outer.shape(carry.param.type), "wt" if wide else DTYPES[carry.param.type.dtype]
        outer.line(f"{name}, {other} = cp.empty({shape}, {dtype}), cp.empty({shape}, {dtype})")
        outer.line(f"{name}[...] = {init}")
        current.append(Home(name, wide=wide))
        following.append(Home(other, wide=wide))
    return current, following


def _image(node: Node) -> tuple[Value, ...]:
    """What windows are of."""
    return node.args if isinstance(node, Op) and node.name in WINDOWS else ()


def _op(step: Step, name: str, args: tuple[Value, ...], type: Type, **attrs: AttrValue) -> Value:
    out = Value(type)
    step.nodes.append(Op(name, args, (out,), tuple(sorted(attrs.items()))))
    return out


def _stacked(step: Step, value: Value, type: Type, counts: Value | None) -> Value:
    """A result as it is stacked: whole, and zero where rows do not count."""
    if counts is None or not type.batch:
        return _op(step, "cuda.full", (value,), type)
    if type.time:
        return _op(step, "fill_past", (value, counts), type, value=0.0)
    return _op(step, "masked", (value, counts), type)


def _row(type: Type, index: str) -> str:
    """The index of a step (or stretch) in a sequence; single numbers are arrays, too."""
    if type.time:
        return "[start:stop]"
    return f"[{index}]" if type.batch or type.rank else f"[{index}, ...]"
