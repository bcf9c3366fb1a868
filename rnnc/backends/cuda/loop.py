"""Loops over steps (or stretches of them) as loops of the host: the strategy `step`.

The arrays of a step are allocated once, before the loop. A carried value has two arrays, which change places after
every step; what is stacked is written into its row.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.backends.cuda.block import DTYPES, Block
from rnnc.backends.escape import number as literal
from rnnc.ir.program import Carry, DType, Loop, Node, Op, Type, Value


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
    front = _enter(outer, body, loop, index)
    valid = _validity(loop, front)
    current, following = _carries(outer, body, loop, inits)
    for carry, goal in zip(loop.carries, following, strict=True):
        kept = _result(extra, carry.next, carry.param.type)
        if valid is not None and carry.param.type.batch:
            kept = _op(extra, "where", (valid, kept, carry.param), carry.param.type)
        else:
            kept = _op(extra, "cuda.full", (kept,), carry.param.type)
        extra.targets[kept] = goal
        if carry.before is not None:
            outer.allocate(carry.before)
            before = _op(extra, "cuda.full", (carry.param,), carry.param.type)
            extra.targets[before] = outer.array(carry.before) + _row(carry.param.type, index)
    for value, seq in loop.ys:
        _stack(outer, extra, loop, value, seq, index, valid)
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
    """The index that brings an array in line with a larger type."""
    if type.rank and type.rank == whole.rank:
        return ""
    return "[..., " + ", ".join(["None"] * whole.rank) + "]" if type.batch and whole.rank and not type.rank else ""


def _enter(outer: Block, body: Block, loop: Loop, index: str) -> list[Node]:
    """Say where the elements of a step are, and what tells which rows count."""
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
    if loop.lengths is None or loop.valid is None:
        return []
    name = "cuda.left" if loop.chunk else "cuda.valid"
    return [Op(name, (loop.lengths,), (loop.valid,))]


def _validity(loop: Loop, front: list[Node]) -> Value | None:
    """bool[batch]: whether the step (or any step of the stretch) counts."""
    if loop.lengths is None:
        return None
    bool_rows = Type((), DType.BOOL, batch=True)
    if not loop.chunk:
        if loop.valid is not None:
            return loop.valid
        valid = Value(bool_rows, "valid")
        front.append(Op("cuda.valid", (loop.lengths,), (valid,)))
        return valid
    left = loop.valid
    if left is None:
        left = Value(Type((), DType.INT, batch=True), "left")
        front.append(Op("cuda.left", (loop.lengths,), (left,)))
    valid = Value(bool_rows, "valid")
    front.append(Op("cuda.any_left", (left,), (valid,)))
    return valid


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


def _op(step: _Step, name: str, args: tuple[Value, ...], type: Type) -> Value:
    out = Value(type)
    step.nodes.append(Op(name, args, (out,)))
    return out


def _result(step: _Step, value: Value, type: Type) -> Value:
    return value if value.type == type else _op(step, "cuda.full", (value,), type)


def _stack(outer: Block, step: _Step, loop: Loop, value: Value, seq: Value, index: str, valid: Value | None) -> None:
    """A result goes into its row, zero past the lengths."""
    timed = loop.chunk is not None and value.type.time
    type = seq.type.with_(time=timed)
    whole = _result(step, value, type)
    if valid is not None and type.batch:
        if timed:
            assert loop.lengths is not None
            left = loop.valid or next(n.outs[0] for n in step.nodes if isinstance(n, Op) and n.name == "cuda.left")
            out = Value(type)
            step.nodes.append(Op("fill_past", (whole, left), (out,), (("value", 0.0),)))
            whole = out
        else:
            whole = _op(step, "masked", (whole, valid), type)
    else:
        whole = _op(step, "cuda.full", (whole,), type)
    step.targets[whole] = outer.array(seq) + _row(type, index)


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
