"""Loops: the body is a function of one step, which a driver of the module runs."""

from __future__ import annotations

from collections.abc import Iterator

from rnnc.backends.escape import identifier, literal, string
from rnnc.backends.tensorflow.block import DTYPES, Block
from rnnc.ir.program import Loop, Type, Value

FEW = 64  # lines of a small step; beside more of them, what a time around costs does not count, but their graph does


def write_loop(outer: Block, loop: Loop) -> None:
    """Write the body and the call that runs it into the block around."""
    names = outer.frame.names
    name = names.new(loop.name or "step")
    lines = _write_body(outer, loop, name)
    finals = _targets(outer, [carry.final for carry in loop.carries])
    befores = _targets(outer, [carry.before for carry in loop.carries if carry.before is not None])
    stacked = _targets(outer, [seq for _, seq in loop.ys])
    lengths = "None" if loop.lengths is None else outer.variable(loop.lengths)
    driver = outer.helper("_stretches" if loop.chunk else "_steps")
    outer.line(f"{finals}, {befores}, {stacked} = {driver}(")
    called = string(identifier(loop.name or "step"))
    small = "" if loop.chunk else f" {lines <= FEW and loop.is_plain},"
    outer.line(f"    loop, {called}, {name}, {_count(outer, loop)}, {lengths}, {loop.reverse},{small}")
    outer.line(f"    {_list([_sequence(outer, loop, seq, param) for seq, param in loop.xs])},")
    outer.line(f"    {_list([_carry(outer, carry.init, carry.param.type) for carry in loop.carries])},")
    outer.line(f"    {literal(list(_befores(loop)))},")
    outer.line(f"    {_list([_stack(outer, loop, value, seq) for value, seq in loop.ys])},")
    outer.line(")")


def _befores(loop: Loop) -> Iterator[tuple[int, int | None]]:
    """Of every carry that is wanted before each step its place, and which result is what it becomes, if one is."""
    for i, carry in enumerate(loop.carries):
        if carry.before is not None:
            like = carry.before.type
            same = (n for n, (value, seq) in enumerate(loop.ys) if value is carry.next and seq.type == like)
            yield i, None if loop.chunk else next(same, None)


def _write_body(outer: Block, loop: Loop, name: str) -> int:
    """Write the function of a step. Returns how many lines it has."""
    names = outer.frame.names
    time = names.new("steps") if loop.chunk else outer.time
    valid = names.new("valid")
    body = outer.nested(time, None if loop.chunk else valid)
    body.lengths = valid if loop.chunk else None
    if loop.valid is not None:
        body.define(loop.valid, valid)
        outer.frame.nullable.add(loop.valid)
    for seq, param in loop.xs:
        if seq in outer.frame.nullable:
            outer.frame.nullable.add(param)
    elements = [body.fresh(param) + "" for _, param in loop.xs]
    states = [body.fresh(carry.param) for carry in loop.carries]
    body.write(loop.body)
    following = [body.full(carry.next, carry.param.type) for carry in loop.carries]
    made = [body.full(value, _within(loop, value, seq)) for value, seq in loop.ys]
    arguments = [valid, *([time] if loop.chunk else []), *elements, *states]
    outer.line("")
    outer.line(f"def {name}({', '.join(arguments)}):")
    for line in body.lines:
        outer.line("    " + line)
    outer.line(f"    return {_list(following)}, {_list(made)}, {_named(body)}")
    outer.line("")
    return len(body.lines)


def _named(body: Block) -> str:
    """What a step has by name."""
    return f"{{{', '.join(f'{string(name)}: {variable}' for name, variable in body.named.items())}}}"


def _count(outer: Block, loop: Loop) -> str:
    return f"{outer.time}, {loop.chunk}" if loop.chunk else outer.time


def _within(loop: Loop, value: Value, seq: Value) -> Type:
    """The type of what the body gives for a stacked sequence."""
    return seq.type.with_(time=loop.chunk is not None and value.type.time)


def _sequence(outer: Block, loop: Loop, seq: Value, param: Value) -> str:
    text = outer.variable(seq) if outer.absent(seq) else outer.read(seq)
    return f"({text}, {param.type.time})" if loop.chunk else text


def _carry(outer: Block, init: Value, type: Type) -> str:
    """(initial value, shape, whether rows past their length keep it)."""
    return f"({outer.full(init, type)}, {outer.shape(type)}, {type.batch})"


def _stack(outer: Block, loop: Loop, value: Value, seq: Value) -> str:
    """(dtype, shape of an element, whether it is zero past the lengths[, whether it has the steps of a stretch])."""
    type = seq.type.with_(time=False)
    joined = f", {value.type.time}" if loop.chunk else ""
    return f"({DTYPES[type.dtype]}, {outer.shape(type)}, {type.batch}{joined})"


def _targets(outer: Block, values: list[Value]) -> str:
    return _list([outer.fresh(value) for value in values])


def _list(texts: list[str]) -> str:
    return f"[{', '.join(texts)}]"
