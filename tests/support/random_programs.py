"""Random programs that are well formed and tame: continuous in what they compute, so that roundings stay roundings.

They hold what passes look for: repeated and idle work, views that undo each other, zeros, states that never change,
loops within stretches, lengths and masks that may be absent.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rnnc.diagnostics import Source, Span
from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import Builder, TypeMismatch
from rnnc.ir.program import Axis, Carry, DType, Loop, Op, Port, Program, Role, Spans, Type, Value
from rnnc.ir.rewrite import fresh
from rnnc.ir.size import Size

Array = NDArray[np.generic]
Key = tuple[Role, str]
Arrays = dict[Key, "Array | None"]

SIZES = {"n": 3, "m": 2}
TIME, BATCH = 5, 3
N, M = (Axis(name, Size.of(name)) for name in SIZES)
SOURCE = Source("random.rnn", "\n".join("." * 80 for _ in range(100)))

UNARY = ("tanh", "sigmoid", "relu", "neg", "neg", "abs", "sin", "square", "softplus", "stop_gradient", "zeros_like")
BINARY = ("add", "add", "sub", "mul", "mul", "max", "min")
CONSTANTS = (0.0, 1.0, -1.0, 0.5, 2.0, 0.3)


def random_program(seed: int, *, size: int = 14) -> tuple[Program, Arrays]:
    """A program and arrays for its ports, the same for the same seed. `size`: about how many nodes a block has."""
    rng = random.Random(seed)
    inputs: list[Port] = []

    def port(role: Role, name: str, *axes: Axis, batch: bool = False, time: bool = False) -> Value:
        dtype = DType.INT if role == "lengths" else DType.FLOAT
        inputs.append(Port(role, name, Value(Type(axes, dtype, batch, time), name)))
        return inputs[-1].value

    pool = [
        port("input", "x", N, batch=True, time=True),
        port("input", "z", N, M, batch=True, time=True),
        port("param", "W", N, N),
        port("param", "U", M, N),
        port("param", "b", N),
        port("param", "g"),
        port("input", "s", batch=True, time=True),
    ]
    state = port("state", "h", N, batch=True)
    lengths = port("lengths", "lengths", batch=True)
    mask = port("mask", "mask", N, batch=True, time=True)
    grower = _Grower(rng, pool, lengths, mask, size)
    initial = grower.builder.op("default", state, pool[4], hint="h0")
    grower.pool.append(initial)
    grower.grow()
    for _ in range(rng.randint(1, 2)):
        grower.loop(chunk=2 if rng.random() < 0.3 else None)
    grower.grow()
    outputs = [Port("output", f"y{i}", value) for i, value in enumerate(grower.pick_results(6))]
    program = Program(f"random{seed}", tuple(inputs), tuple(grower.builder.nodes), tuple(outputs))
    return program, _arrays(inputs, rng, np.random.default_rng(seed))


def assert_equal_results(left: Program, right: Program, arrays: Arrays, tolerance: float = 1e-12) -> None:
    """Both programs give the same outputs, relative to their own magnitude."""
    first, second = evaluate(left, arrays, sizes=SIZES), evaluate(right, arrays, sizes=SIZES)
    assert list(first) == list(second)
    for key, expected in first.items():
        assert expected.shape == second[key].shape, key
        np.testing.assert_allclose(second[key], expected, rtol=tolerance, atol=tolerance, err_msg=str(key))


def _arrays(inputs: list[Port], rng: random.Random, numbers: np.random.Generator) -> Arrays:
    arrays: Arrays = {}
    for port in inputs:
        type_ = port.value.type
        leads = (TIME,) * type_.time + (BATCH,) * type_.batch
        shape = (*leads, *(axis.evaluate(SIZES) for axis in type_.shape))
        array: Array | None = numbers.uniform(-1.0, 1.0, shape)
        if port.role == "mask":
            array = (numbers.random(shape) < 0.7).astype(np.float64)
        if port.role == "lengths":
            array = numbers.integers(0, TIME + 1, shape)
        absent = port.role in ("lengths", "mask", "state") and rng.random() < 0.4
        arrays[port.role, port.name] = None if absent else array
    return arrays


class _Grower:
    """Grows one block: `pool` holds the floats that may be used."""

    def __init__(
        self,
        rng: random.Random,
        pool: list[Value],
        lengths: Value,
        mask: Value | None,
        size: int,
        valid: Value | None = None,
    ) -> None:
        self.rng, self.pool, self.size = rng, pool, size
        self.lengths, self.mask, self.valid = lengths, mask, valid
        self.builder = Builder()

    def grow(self) -> None:
        """Append about `size` nodes. What does not fit together is tried and dropped."""
        moves: list[Callable[[], Value | None]] = [
            self._unary,
            self._unary,
            self._binary,
            self._binary,
            self._binary,
            self._with_constant,
            self._contract,
            self._view,
            self._view,
            self._reduction,
            self._random,
            self._time,
            self._choice,
            self._again,
            self._idle,
        ]
        for _ in range(self.size):
            with self.builder.at(self._spans()):
                try:
                    value = self.rng.choice(moves)()
                except TypeMismatch:
                    continue
            if value is not None and value.type.rank <= 2:
                self.pool.append(value)

    def loop(self, chunk: int | None = None) -> None:
        """Append a loop over some sequences of the pool, or over stretches of them."""
        sequences = [v for v in self.pool if v.type.time]
        xs = [(seq, Value(seq.type.with_(time=chunk is not None), seq.name)) for seq in self._some(sequences, 3)]
        mask = None
        if self.mask is not None:
            mask = Value(self.mask.type.with_(time=chunk is not None), "mask")
        has_lengths = chunk is not None or self.rng.random() < 0.7  # a stretch must know its own lengths
        valid = None
        if has_lengths:
            valid = Value(Type((), DType.INT if chunk else DType.BOOL, batch=True), "valid")
        inits = self._some([v for v in self.pool if not v.type.time], 3)
        params = [Value(init.type.with_(batch=True), f"s{i}") for i, init in enumerate(inits)]
        visible = [v for v in self.pool if not v.type.time]
        inside = [*visible, *(param for _, param in xs), *params]
        body_lengths = valid if chunk and valid is not None else self.lengths
        step_valid = None if chunk else valid
        body = _Grower(self.rng, inside, body_lengths, mask, self.size, step_valid)
        body.grow()
        if chunk:
            body.loop()
            body.grow()
        carries = tuple(
            Carry(init, param, body.step(param), fresh(param), self._before(param))
            for init, param in zip(inits, params, strict=True)
        )
        ys = tuple((v, Value(v.type.with_(time=True), "y")) for v in body.pick_results(4) if v.type.time is bool(chunk))
        loop = Loop(
            xs=tuple(xs) + (((self.mask, mask),) if self.mask is not None and mask is not None else ()),
            carries=carries,
            body=tuple(body.builder.nodes),
            ys=ys,
            reverse=self.rng.random() < 0.4,
            lengths=self.lengths if has_lengths else None,
            valid=valid,
            chunk=chunk,
            name=f"loop{self.rng.randint(0, 99)}",
            spans=self._spans(),
        )
        self.builder.emit(loop)
        self.pool += [v for v in loop.outs if not (chunk and v in [c.before for c in carries])]

    def step(self, param: Value) -> Value:
        """A next value for a carry: kept as it is, or something bounded of its type."""
        build = self.builder.op
        if self.rng.random() < 0.15:
            return param
        fitting = [v for v in self.pool if v.type == param.type and v is not param]
        if fitting and self.rng.random() < 0.8:
            return build("tanh", self.rng.choice(fitting))
        return build("mul", param, self.builder.const(0.5))

    def pick_results(self, count: int) -> list[Value]:
        """The latest value and some others of the pool, perhaps one twice."""
        return [self.pool[-1], *self._some(self.pool, count)]

    # Moves ------------------------------------------------------------------------------------------------------------

    def _unary(self) -> Value:
        return self.builder.op(self.rng.choice(UNARY), self._any(), hint="u")

    def _binary(self) -> Value:
        return self.builder.op(self.rng.choice(BINARY), self._any(), self._any(), hint="v")

    def _with_constant(self) -> Value:
        constant = self.builder.const(self.rng.choice(CONSTANTS))
        name = self.rng.choice(("add", "mul", "sub", "mul"))
        args = [self._any(), constant]
        if self.rng.random() < 0.5:
            args.reverse()
        return self.builder.op(name, *args)

    def _contract(self) -> Value:
        x, w = self._any(), self._any()
        a = "ab"[: x.type.rank]
        b = self.rng.choice(("a", "ab", "ba", "bc", "ac", "b"))
        product = self.builder.op("contract", x, w, a=a, b=b, out="".join(sorted(set(a) ^ set(b))), reduce="")
        return self.builder.op("mul", product, self.builder.const(0.5))

    def _view(self) -> Value | None:
        build, x = self.builder.op, self._any()
        if not x.type.rank:
            return build("broadcast", x, axes=(N,))
        axis = self.rng.randrange(x.type.rank)
        size, one = x.type.shape[axis], Size.of(1)
        divisible = size.evaluate(SIZES) > 1
        match self.rng.choice((0, 1, 2, 3, 4, 5, 6) if divisible else (0, 3, 4, 5, 6)):
            case 0:
                perm = list(range(x.type.rank))
                self.rng.shuffle(perm)
                return build("transpose", x, perm=tuple(perm))
            case 1:
                parts = self.builder.ops("split", x, axis=axis, sizes=(one, size - 1))
                self.pool += parts
                if self.rng.random() < 0.5:
                    return build("concat", *parts, axis=axis)
                return build("concat", *reversed(parts), axis=axis)
            case 2:
                low = build("slice", x, axis=axis, start=Size.of(0), stop=one)
                high = build("slice", x, axis=axis, start=one, stop=size)
                self.pool += [low, high]
                padded = build("pad", build("tanh", low), axis=axis, before=Size.of(0), after=size - 1)
                return build("add", padded, build("pad", high, axis=axis, before=one, after=Size.of(0)))
            case 3:
                return build("flip", x, axis=axis)
            case 4:
                return build("reshape", x, axes=x.type.axes[::-1])
            case 5:
                return build("broadcast", x, axes=x.type.axes)
            case _:
                return build("slice", build("concat", x, x, axis=axis), axis=axis, start=size, stop=size + size)

    def _reduction(self) -> Value | None:
        x = self._any()
        if not x.type.rank:
            return None
        axis = self.rng.randrange(x.type.rank)
        match self.rng.randrange(4):
            case 0:
                return self.builder.op("softmax", x, axis=axis)
            case 1:
                flags = {"reverse": self.rng.random() < 0.5, "exclusive": self.rng.random() < 0.5}
                return self.builder.op("cumsum", x, axis=axis, **flags)
            case 2:
                return self.builder.op("reduce_to", x, axes=x.type.axes, batch=x.type.batch, time=x.type.time)
            case _:
                name = self.rng.choice(("reduce_sum", "reduce_mean", "reduce_max"))
                return self.builder.op(name, x, axes=(axis,), keep=self.rng.random() < 0.5)

    def _random(self) -> Value | None:
        x, y = self._any(), self._any()
        if self.valid is not None and self.rng.random() < 0.5:
            masked = self.builder.op("masked", x, self.valid)
            return self.builder.op("masked", masked, self.valid)
        if self.mask is None:
            return None
        keep = 0.7
        if self.rng.random() < 0.5:
            return self.builder.op("dropout", x, self.mask, keep=keep)
        return self.builder.op("zoneout", x, y, self.mask, keep=keep)

    def _time(self) -> Value | None:
        sequences = [v for v in self.pool if v.type.time]
        if not sequences:
            return None
        seq = self.rng.choice(sequences)
        match self.rng.randrange(6):
            case 0:
                return self.builder.op("shift", seq, self.builder.const(0.0), reverse=self.rng.random() < 0.5)
            case 1:
                return self.builder.op("reverse_time", seq, self.lengths)
            case 2:
                return self.builder.op("last", seq, self.lengths)
            case 3:
                return (
                    self.builder.op("edge", seq, reverse=True)
                    if self.rng.random() < 0.5
                    else self.builder.op("at", seq, index=-1)
                )
            case 4:
                return self.builder.op("fill_past", seq, self.lengths, value=0.0)
            case _:
                decay = self.builder.op("sigmoid", seq)
                return self.builder.op("scan_affine", decay, seq, self.builder.const(0.0), reverse=False)

    def _choice(self) -> Value:
        # Conditions compare what is given, not what is computed: no rounding may turn one.
        given = self.rng.choice(self.pool[:4])
        condition = self.builder.op("gt", given, self.builder.const(0.1))
        if self.rng.random() < 0.3:
            condition = self.builder.op("logical_not", condition)
        return self.builder.op("where", condition, given, self.builder.const(0.0))

    def _again(self) -> Value | None:
        """The same operation once more."""
        ops = [n for n in self.builder.nodes if isinstance(n, Op) and len(n.outs) == 1]
        ops = [op for op in ops if op.out.type.dtype is DType.FLOAT]
        if not ops:
            return None
        op = self.rng.choice(ops)
        return self.builder.op(op.name, *op.args, **dict(op.attrs))

    def _idle(self) -> Value:
        """Something that comes to less."""
        build, x = self.builder.op, self._any()
        match self.rng.randrange(6):
            case 0:
                return build("add", x, build("full", value=0.0, axes=x.type.axes))
            case 1:
                return build("mul", x, build("zeros_like", x))
            case 2:
                return build("pow", x, self.builder.const(self.rng.choice((1.0, 2.0))))
            case 3:
                return build("clip", x, lo=-float("inf"), hi=float("inf"), through=False)
            case 4:
                return build("div", build("neg", x), self.builder.const(4.0))
            case _:
                return build("mul", x, build("extent", size=Size.of(2), dtype="float"))

    # Choosing ---------------------------------------------------------------------------------------------------------

    def _any(self) -> Value:
        return self.rng.choice(self.pool[-12:] if self.rng.random() < 0.7 else self.pool)

    def _some(self, values: list[Value], most: int) -> list[Value]:
        return [self.rng.choice(values) for _ in range(self.rng.randint(1, most))] if values else []

    def _before(self, param: Value) -> Value | None:
        return Value(param.type.with_(time=True), "before") if self.rng.random() < 0.3 else None

    def _spans(self) -> Spans:
        start = self.rng.randrange(len(SOURCE.text) - 5)
        return frozenset({Span(SOURCE, start, start + 5)})
