"""Loops over steps (or stretches of them) as loops of the host: the strategy `step`.

The arrays of a step are allocated once, before the loop. A carried value has two arrays, which change places after
every step; what is stacked is written into its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.backends.cuda.block import DTYPES, Block
from rnnc.backends.escape import number as literal
from rnnc.ir.program import AttrValue, Carry, DType, Loop, Node, Op, Type, Value


@dataclass
class _Step:
    """What the body of a loop consists of besides its own nodes, and where its results go."""

    nodes: list[Node]
    targets: dict[Value, str]


def write_loop(outer: Block, loop: Loop) -> None:
    """Write the loop into the block around it; its results are in memory afterwards."""
    names = outer.shared.names
    index, steps = ("n", names.new("steps")) if loop.chunk else ("t", outer.time)
    body = Block(outer.shared, steps, outer, most=str(loop.chunk) if loop.chunk else None)
    for value in loop.ys:
        outer.allocate(value[1])
    inits = [_full(outer, carry) for carry in loop.carries]
    extra = _Step(list(loop.body), {})
    _enter(outer, body, loop, index)
    front, left, valid = _validity(loop)
    current, following = _carries(outer, body, loop, inits)
    for carry, goal in zip(loop.carries, following, strict=True):
        if valid is not None and carry.param.type.batch:
            kept = _op(extra, "where", (valid, carry.next, carry.param), carry.param.type)
        else:
            kept = _op(extra, "cuda.full", (carry.next,), carry.param.type)
        extra.targets[kept] = goal
        if carry.before is not None:
            outer.allocate(carry.before)
            before = _op(extra, "cuda.full", (carry.param,), carry.param.type)
            extra.targets[before] = outer.array(carry.before) + _row(carry.param.type, index)
    for value, seq in loop.ys:
        timed = loop.chunk is not None and value.type.time
        stacked = _stacked(extra, value, seq.type.with_(time=timed), left if timed else valid)
        extra.targets[stacked] = outer.array(seq) + _row(stacked.type, index)
    body.targets = extra.targets
    body.write([*front, *extra.nodes], list(extra.targets))
    outer.lines += body.before
    _write(outer, body, loop, index, steps, current, following)
    for carry, name in zip(loop.carries, current, strict=True):
        outer.place(carry.final, name)


def _full(outer: Block, carry: Carry) -> str:
    """The first value of a carry, as a whole array of its own (a literal where it is a number)."""
    if carry.init in outer.numbers:
        number = outer.numbers[carry.init]
        return literal(number) if isinstance(number, int | float) else outer.size(number)
    return outer.array(carry.init) + _stretch(carry.init.type, carry.param.type)


def _stretch(type: Type, whole: Type) -> str:
    """The index that brings an array in line with a larger type: numbers of rows with features."""
    return f"[..., {', '.join(['None'] * whole.rank)}]" if type.batch and whole.rank and not type.rank else ""


def _enter(outer: Block, body: Block, loop: Loop, index: str) -> None:
    """Say where the elements of a step are."""
    for seq, param in loop.xs:
        if seq in outer.numbers:
            body.numbers[param] = outer.numbers[seq]
            continue
        home = outer.home(seq)
        assert home is not None
        host = home.host + _row(param.type, index)
        body.place(
            param, f"(None if {home.host} is None else {host})" if home.nullable else host, nullable=home.nullable
        )


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


def _carries(outer: Block, body: Block, loop: Loop, inits: list[str]) -> tuple[list[str], list[str]]:
    """Two arrays for each carried value; the first one holds it before the step."""
    current: list[str] = []
    following: list[str] = []
    for carry, init in zip(loop.carries, inits, strict=True):
        name = outer.shared.names.new(carry.param.name or "state")
        other = outer.shared.names.new(f"{carry.param.name or 'state'}_next")
        shape, dtype = outer.shape(carry.param.type), DTYPES[carry.param.type.dtype]
        outer.line(f"{name}, {other} = cp.empty({shape}, {dtype}), cp.empty({shape}, {dtype})")
        outer.line(f"{name}[...] = {init}")
        body.place(carry.param, name)
        current.append(name)
        following.append(other)
    return current, following


def _op(step: _Step, name: str, args: tuple[Value, ...], type: Type, **attrs: AttrValue) -> Value:
    out = Value(type)
    step.nodes.append(Op(name, args, (out,), tuple(sorted(attrs.items()))))
    return out


def _stacked(step: _Step, value: Value, type: Type, counts: Value | None) -> Value:
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


def _write(
    outer: Block, body: Block, loop: Loop, index: str, steps: str, current: list[str], following: list[str]
) -> None:
    count = f"-(-{outer.time} // {loop.chunk})" if loop.chunk else outer.time
    outer.line(f"for {index} in {f'reversed(range({count}))' if loop.reverse else f'range({count})'}:")
    lines = list(body.lines)
    if loop.chunk:
        head = [f"start = {index} * {loop.chunk}", f"stop = min(start + {loop.chunk}, {outer.time})"]
        lines = [*head, f"{steps} = stop - start", *lines]
    if current:
        lines.append(f"{', '.join([*current, *following])} = {', '.join([*following, *current])}")
    outer.lines += ["    " + line for line in lines or ["pass"]]
