"""A small language for hand-built programs: ports by name, loops as Python functions on one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnnc.diagnostics import Source, Span
from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Carry, DType, Loop, Node, Port, Program, Role, Type, Value
from rnnc.ir.size import Size

SOURCE = Source("net.rnn", "\n" * 100)


def axes(*sizes: int | str) -> tuple[Axis, ...]:
    return tuple(Axis(str(size), Size.of(size)) for size in sizes)


def line(number: int) -> frozenset[Span]:
    """A span of its own for each line of an imagined source."""
    return frozenset([Span(SOURCE, number - 1, number)])


@dataclass
class Looped:
    finals: tuple[Value, ...]
    ys: tuple[Value, ...]
    befores: tuple[Value | None, ...]


# What makes (next carries, sequences) of (builder, elements, carries).
Step = Callable[[Builder, list[Value], list[Value]], tuple[Sequence[Value], Sequence[Value]]]


class Net:
    """A program under construction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.b = Builder()
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self._lines = 0

    def _port(self, role: Role, name: str, type_: Type) -> Value:
        value = Value(type_, name)
        self.inputs.append(Port(role, name, value))
        return value

    def param(self, name: str, *sizes: int | str) -> Value:
        return self._port("param", name, Type(axes(*sizes)))

    def fixed(self, name: str, *sizes: int | str) -> Value:
        return self._port("fixed", name, Type(axes(*sizes)))

    def input(self, name: str, *sizes: int | str, dtype: DType = DType.FLOAT) -> Value:
        return self._port("input", name, Type(axes(*sizes), dtype, batch=True, time=True))

    def per_row(self, name: str, *sizes: int | str) -> Value:
        return self._port("input", name, Type(axes(*sizes), batch=True))

    def state(self, name: str, *sizes: int | str, dtype: DType = DType.FLOAT) -> Value:
        return self._port("state", name, Type(axes(*sizes), dtype, batch=True))

    def mask(self, name: str, *sizes: int | str, time: bool) -> Value:
        return self._port("mask", name, Type(axes(*sizes), batch=True, time=time))

    def lengths(self) -> Value:
        return self._port("lengths", "lengths", Type((), DType.INT, batch=True))

    def output(self, name: str, value: Value) -> None:
        self.outputs.append(Port("output", name, value))

    def final(self, name: str, value: Value) -> None:
        self.outputs.append(Port("state", name, value))

    def loop(
        self,
        step: Step,
        xs: Sequence[Value] = (),
        inits: Sequence[Value] = (),
        *,
        batched: Sequence[bool] | None = None,
        lengths: Value | None = None,
        reverse: bool = False,
        befores: Sequence[int] = (),
        like: Value | None = None,
        name: str = "loop",
    ) -> Looped:
        """Append a loop of steps.

        `batched` says whether each carry has a batch axis (all have); `befores` lists carries that are collected.
        """
        body = Builder()
        elements = [Value(x.type.with_(time=False), f"{x.name}_t") for x in xs]
        batch = [True] * len(inits) if batched is None else batched
        params = [Value(c.type.with_(batch=p), c.name) for c, p in zip(inits, batch, strict=True)]
        nexts, results = step(body, elements, params)
        carries = tuple(
            Carry(
                init=init,
                param=param,
                next=after,
                final=Value(param.type, f"{init.name}_final"),
                before=Value(param.type.with_(time=True), f"{init.name}_before") if n in befores else None,
            )
            for n, (init, param, after) in enumerate(zip(inits, params, nexts, strict=True))
        )
        ys = tuple((y, Value(y.type.with_(time=True), f"{y.name}_seq")) for y in results)
        loop = Loop(
            xs=tuple(zip(xs, elements, strict=True)),
            carries=carries,
            body=self._placed(body),
            ys=ys,
            reverse=reverse,
            lengths=lengths,
            like=like,
            name=name,
            spans=self._next_line(),
        )
        self.b.emit(loop)
        return Looped(tuple(c.final for c in carries), tuple(seq for _, seq in ys), tuple(c.before for c in carries))

    def cell(self, step: Step, x: Value, *states: Value, lengths: bool, reverse: bool) -> Program:
        """The program of one loop over `x`, whose first sequence is the output "y"."""
        out = self.loop(step, [x], states, lengths=self.lengths() if lengths else None, reverse=reverse)
        self.output("y", out.ys[0])
        for state, final in zip(states, out.finals, strict=True):
            self.final(state.name, final)
        return self.program()

    def program(self) -> Program:
        return Program(self.name, tuple(self.inputs), self._placed(self.b), tuple(self.outputs))

    def _placed(self, builder: Builder) -> tuple[Node, ...]:
        """The nodes, each on a line of its own."""
        return tuple(n if n.spans else replace(n, spans=self._next_line()) for n in builder.nodes)

    def _next_line(self) -> frozenset[Span]:
        self._lines += 1
        return line(self._lines)


def linear(b: Builder, x: Value, w: Value) -> Value:
    return b.op("contract", x, w, a="i", b="ij", out="j", reduce="")


def affine(b: Builder, x: Value, w: Value, h: Value, u: Value, bias: Value) -> Value:
    return b.sum([linear(b, x, w), linear(b, h, u), bias])


def one_minus(b: Builder, x: Value) -> Value:
    return b.op("sub", b.const(1.0), x)


def mul(b: Builder, x: Value, y: Value) -> Value:
    return b.op("mul", x, y)


def add(b: Builder, x: Value, y: Value) -> Value:
    return b.op("add", x, y)
