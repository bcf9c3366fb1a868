"""Operations that pick, place or clear steps, by each row's own length."""

from __future__ import annotations

from rnnc.backends.cuda.kernels.elements import Elements
from rnnc.backends.cuda.spelling.entry import MAPS, enters
from rnnc.backends.cuda.spelling.view import chosen
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Type, Value


def length(e: Elements, lengths: Value, b: str) -> str:
    """How many steps a row has."""
    flag = e.there(lengths)
    if flag is None:
        return f"(long long){e.get(lengths, (b,))}"
    known = e.kernel.known(lengths, (b, "length"))
    if known is not None:
        return known
    name = e.kernel.variable("long long", "length", e.steps())
    with e.kernel.braces(f"if ({flag})"):
        e.kernel.line(f"{name} = {e.get(lengths, (b,))};")
    return e.kernel.remember(lengths, (b, "length"), name)


def _at(type: Type, index: tuple[str, ...], t: str) -> tuple[str, ...]:
    """The index of a sequence's element at another step; `type` is that of the result, whose time goes."""
    return (t, *(index[1:] if type.time else index))


@enters(MAPS, "cuda.valid")
def _valid(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """Whether the step of the loop around counts for a row."""
    return f"{e.step()} < {length(e, op.args[0], index[0])}"


@enters(MAPS, "cuda.left")
def _left(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    """How many steps of a stretch count for a row."""
    (lengths,) = op.args
    start, here = e.kernel.scalar("start", "start"), e.kernel.scalar("stretch_steps", "stop - start")
    name = e.kernel.variable("int", "left", f"(int){here}")
    flag = e.there(lengths)
    with e.kernel.braces(f"if ({flag})" if flag else ""):
        e.kernel.line(f"{name} = (int)within_({e.get(lengths, (index[0],))} - {start}, {here});")
    return name


@enters(MAPS, "cuda.any_left")
def _any_left(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return f"{e.get(op.args[0], (index[0],))} > 0"


@enters(MAPS, "shift")
def _shift(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    seq, init = op.args
    reverse = Attrs(op).flag("reverse")
    t = index[0]
    first = f"{t} == {e.steps()} - 1" if reverse else f"{t} == 0"
    before = f"{t} {'+' if reverse else '-'} 1"
    one_step = out.type.with_(time=False)
    return chosen(e, out, [(first, init, one_step, index[1:]), ("", seq, out.type, _at(out.type, index, before))])


@enters(MAPS, "fill_past")
def _fill_past(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    seq, lengths = op.args
    name = chosen(e, out, [(f"{index[0]} < {length(e, lengths, index[1])}", seq, out.type, index)])
    value = Attrs(op).scalar("value")
    if not value:
        return name
    return f"{index[0]} < {length(e, lengths, index[1])} ? {name} : {e.literal(value, out.type.dtype)}"


@enters(MAPS, "final")
def _final(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    seq, init, lengths = op.args
    count = length(e, lengths, index[0]) if out.type.batch else e.steps()
    t = "0" if Attrs(op).flag("reverse") else f"{count} - 1"
    like = out.type.with_(time=True)
    return chosen(e, out, [(f"{count} > 0", seq, like, _at(out.type, index, t)), ("", init, out.type, index)])


@enters(MAPS, "last")
def _last(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    seq, lengths = op.args
    count = length(e, lengths, index[0]) if out.type.batch else e.steps()
    like = out.type.with_(time=True)
    return chosen(e, out, [(f"{count} > 0", seq, like, _at(out.type, index, f"{count} - 1"))])


@enters(MAPS, "at")
def _at_step(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    return e.get(op.args[0], _at(out.type, index, _step(e, Attrs(op).integer("index"))))


@enters(MAPS, "edge")
def _edge(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    step = _at(out.type, index, _step(e, -1 if Attrs(op).flag("reverse") else 0))
    return chosen(e, out, [(f"{e.steps()} > 0", op.args[0], out.type.with_(time=True), step)])


def _step(e: Elements, index: int) -> str:
    return str(index) if index >= 0 else f"{e.steps()} - {-index}"


@enters(MAPS, "place")
def _place(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    d, lengths, _ = op.args
    count = length(e, lengths, index[1]) if out.type.batch else e.steps()
    first = Attrs(op).text("where") == "first"
    there = f"{index[0]} == 0 && {count} > 0" if first else f"{index[0]} == {count} - 1"
    return chosen(e, out, [(there, d, out.type.with_(time=False), index[1:])])


@enters(MAPS, "place_at")
def _place_at(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    there = f"{index[0]} == {_step(e, Attrs(op).integer('index'))}"
    return chosen(e, out, [(there, op.args[0], out.type.with_(time=False), index[1:])])


@enters(MAPS, "where_empty")
def _where_empty(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    d, lengths = op.args
    empty = f"{length(e, lengths, e.parts(out.type, index)[0]['b'])} == 0"
    return chosen(e, out, [(empty, d, out.type, index)])


@enters(MAPS, "reverse_time")
def _reverse_time(e: Elements, op: Op, out: Value, index: tuple[str, ...]) -> str:
    seq, lengths = op.args
    count = length(e, lengths, index[1])
    here = index[0] if index[0].isidentifier() else f"({index[0]})"  # `T - 1`, where one step is picked
    t = e.kernel.bind("long long", "turned", f"{here} < {count} ? {count} - 1 - {here} : {here}")
    return e.operand(seq, out.type, (t, *index[1:]))
