"""Programs and loops in the interpreter, against the same steps written out in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnc.ir.interpreter import FrozenValues, evaluate
from rnnc.ir.operations import Builder
from rnnc.ir.program import Axis, Carry, DType, Loop, Port, Program, Type, Value
from rnnc.ir.size import Size

UNITS = (Axis("units", Size.of("units")),)
SEQ = Type(UNITS, batch=True, time=True)
ROW = Type(UNITS, batch=True)
LENGTHS = Type((), DType.INT, batch=True)
STEPS, ROWS, WIDTH = 7, 4, 2


class Counter:
    """A program with one loop: s' = decay·s + x, y = s' + s; and n' = n + sum of s' without batch, unmasked."""

    def __init__(self, *, reverse: bool = False, chunk: int | None = None) -> None:
        self.x, self.init, self.decay = Value(SEQ, "x"), Value(ROW, "init"), Value(Type(UNITS), "decay")
        self.lengths = Value(LENGTHS, "lengths")
        outer = Builder()
        state = outer.op("default", self.init, outer.zeros(ROW))
        total = outer.zeros(Type(UNITS))
        inner = (self._steps if chunk is None else self._stretches)(reverse, chunk)
        loop = inner(self.x, self.lengths, state, total)
        outer.emit(loop)
        finals, befores = [c.final for c in loop.carries], [c.before for c in loop.carries]
        ports = [
            Port("output", "y", loop.ys[0][1]),
            Port("state", "s", finals[0]),
            Port("expose", "n", finals[1]),
            *(Port("expose", f"before{i}", b) for i, b in enumerate(befores) if b is not None),
        ]
        self.program = Program(
            "counter",
            (
                Port("input", "x", self.x),
                Port("state", "s", self.init),
                Port("param", "decay", self.decay),
                Port("lengths", "lengths", self.lengths),
            ),
            tuple(outer.nodes),
            tuple(ports),
        )

    def _steps(self, reverse: bool, _: int | None, collect: bool = True) -> Callable[..., Loop]:
        def loop(x: Value, lengths: Value, state: Value, total: Value) -> Loop:
            x_t, s, n = Value(ROW, "x"), Value(ROW, "s"), Value(Type(UNITS), "n")
            valid = Value(Type((), DType.BOOL, batch=True), "valid")
            body = Builder()
            s_next = body.op("add", body.op("mul", self.decay, s), x_t)
            y = body.op("add", s_next, s)
            kept = body.op("masked", s_next, valid)
            n_next = body.op("add", n, body.op("reduce_to", kept, axes=UNITS, batch=False, time=False))
            carries = (
                Carry(state, s, s_next, Value(ROW, "s"), Value(SEQ, "s") if collect else None),
                Carry(total, n, n_next, Value(Type(UNITS), "n")),
            )
            ys = ((y, Value(SEQ, "y")),)
            return Loop(((x, x_t),), carries, tuple(body.nodes), ys, reverse, lengths, valid)

        return loop

    def _stretches(self, reverse: bool, chunk: int | None) -> Callable[..., Loop]:
        def loop(x: Value, lengths: Value, state: Value, total: Value) -> Loop:
            x_k, s, n = Value(SEQ, "x"), Value(ROW, "s"), Value(Type(UNITS), "n")
            left = Value(LENGTHS, "left")
            inner = self._steps(reverse, None, collect=False)(x_k, left, s, n)
            carries = (
                Carry(state, s, inner.carries[0].final, Value(ROW, "s"), Value(SEQ, "s")),
                Carry(total, n, inner.carries[1].final, Value(Type(UNITS), "n")),
            )
            ys = ((inner.ys[0][1], Value(SEQ, "y")),)
            return Loop(((x, x_k),), carries, (inner,), ys, reverse, lengths, left, chunk)

        return loop


def _by_hand(
    x: np.ndarray, s: np.ndarray, decay: np.ndarray, lengths: list[int], reverse: bool
) -> dict[str, np.ndarray]:
    y, before, s, n = np.zeros_like(x), np.zeros_like(x), s.copy(), np.zeros(x.shape[-1])
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        before[t] = s
        for row, length in enumerate(lengths):
            if t < length:
                y[t, row] = decay * s[row] + x[t, row] + s[row]
                s[row] = decay * s[row] + x[t, row]
                n += s[row]
    return {"y": y, "s": s, "n": n, "before": before}


def _data(steps: int = STEPS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(steps, ROWS, WIDTH)), rng.normal(size=(ROWS, WIDTH)), rng.uniform(size=WIDTH)


@pytest.mark.parametrize("lengths", [None, [3, 0, 7, 5], [0, 0, 0, 0], [2, 1, 1, 2]])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 7, 10])
def test_loops(chunk: int | None, reverse: bool, lengths: list[int] | None) -> None:
    x, s, decay = _data()
    found = evaluate(
        Counter(reverse=reverse, chunk=chunk).program,
        {("input", "x"): x, ("state", "s"): s, ("param", "decay"): decay, ("lengths", "lengths"): lengths},
    )
    expected = _by_hand(x, s, decay, lengths or [STEPS] * ROWS, reverse)
    np.testing.assert_allclose(found["output", "y"], expected["y"], rtol=1e-12)
    np.testing.assert_allclose(found["state", "s"], expected["s"], rtol=1e-12)
    np.testing.assert_allclose(found["expose", "n"], expected["n"], rtol=1e-12)
    if chunk is None:
        entries = expected["before"]
    elif reverse:  # a stretch is entered at its last step
        entries = expected["before"][[min(start + chunk, STEPS) - 1 for start in range(0, STEPS, chunk)]]
    else:
        entries = expected["before"][::chunk]
    np.testing.assert_allclose(found["expose", "before0"], entries, rtol=1e-12)


@pytest.mark.parametrize("chunk", [None, 3])
def test_no_steps_at_all(chunk: int | None) -> None:
    x, s, decay = _data(steps=0)
    found = evaluate(Counter(chunk=chunk).program, {("input", "x"): x, ("state", "s"): s, ("param", "decay"): decay})
    assert found["output", "y"].shape == (0, ROWS, WIDTH)
    np.testing.assert_array_equal(found["state", "s"], s)


def test_a_state_that_is_not_given_is_the_fallback() -> None:
    x, s, decay = _data()
    program = Counter().program
    without = evaluate(program, {("input", "x"): x, ("param", "decay"): decay})
    zeros = evaluate(program, {("input", "x"): x, ("param", "decay"): decay, ("state", "s"): np.zeros_like(s)})
    np.testing.assert_array_equal(without["output", "y"], zeros["output", "y"])


def test_float32_all_the_way() -> None:
    x, s, decay = _data()
    arrays = {("input", "x"): x, ("state", "s"): s, ("param", "decay"): decay}
    assert {a.dtype for a in evaluate(Counter().program, arrays, dtype="float32").values()} == {np.dtype("float32")}


def test_arguments_stay_as_they_are_and_results_share_nothing() -> None:
    x, s, decay = _data()
    before = x.copy(), s.copy(), decay.copy()
    found = evaluate(Counter().program, {("input", "x"): x, ("state", "s"): s, ("param", "decay"): decay})
    for array in found.values():
        array += 1
    for array, copy in zip((x, s, decay), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_loop_without_sequences_is_as_long_as_what_it_is_like() -> None:
    x = Value(SEQ, "x")
    step = Value(Type((), DType.INT), "step")
    outer, body = Builder(), Builder()
    zero = outer.const(0)
    carry = Carry(zero, step, body.op("add", step, body.const(1)), Value(step.type, "steps"))
    ys = ((step, Value(Type((), DType.INT, time=True), "index")),)
    outer.emit(Loop((), (carry,), tuple(body.nodes), ys, like=x))
    outs = (Port("output", "index", ys[0][1]), Port("state", "steps", carry.final))
    program = Program("clock", (Port("input", "x", x),), tuple(outer.nodes), outs)
    found = evaluate(program, {("input", "x"): _data()[0]})
    assert found["output", "index"].tolist() == list(range(STEPS))
    assert found["state", "steps"] == STEPS


def test_frozen_values_are_replayed_per_step() -> None:
    """s' = s + x·stop(x): with its second factor frozen the program is linear in x."""
    x, x_t, s = Value(SEQ, "x"), Value(ROW, "x"), Value(ROW, "s")
    outer, body = Builder(), Builder()
    zero = outer.op("zeros_like", outer.op("at", x, index=0))
    s_next = body.op("add", s, body.op("mul", x_t, body.op("stop_gradient", x_t)))
    carry = Carry(zero, s, s_next, Value(ROW, "final"))
    outer.emit(Loop(((x, x_t),), (carry,), tuple(body.nodes), ()))
    program = Program("squares", (Port("input", "x", x),), tuple(outer.nodes), (Port("state", "s", carry.final),))
    data = _data()[0]
    frozen = FrozenValues()

    def total(array: np.ndarray, held: FrozenValues | None) -> np.ndarray:
        return evaluate(program, {("input", "x"): array}, frozen=held)["state", "s"]

    np.testing.assert_allclose(total(data, frozen), (data * data).sum(0))
    np.testing.assert_allclose(total(2 * data, frozen), 2 * (data * data).sum(0))
    np.testing.assert_allclose(total(2 * data, None), 4 * (data * data).sum(0))


def test_what_operations_give_is_rounded_and_nothing_else() -> None:
    """y = x * 0.3 + 1: neither the argument nor the numbers of the description, and in each operation."""
    x, builder = Value(ROW, "x"), Builder()
    y = builder.op("add", builder.op("mul", x, builder.const(0.3)), builder.const(1.25))
    program = Program("line", (Port("input", "x", x),), tuple(builder.nodes), (Port("output", "y", y),))
    data = np.array([[0.4, 8.4]])
    found = evaluate(program, {("input", "x"): data}, rounding=np.round)["output", "y"]
    np.testing.assert_array_equal(found, np.round(np.round(0.3 * data) + 1.25))


# --- binding of sizes and errors -----------------------------------------------------------------------------


def _passing(*types: Type) -> Program:
    """A program that gives its inputs back."""
    values = [Value(t, f"v{i}") for i, t in enumerate(types)]
    ins = tuple(Port("input", v.name, v) for v in values)
    return Program("passing", ins, (), tuple(Port("output", v.name, v) for v in values))


def _typed(*sizes: Size) -> Type:
    return Type(tuple(Axis("", s) for s in sizes))


def _evaluate_shapes(program: Program, *shapes: tuple[int, ...], **sizes: int) -> None:
    evaluate(program, {("input", f"v{i}"): np.zeros(s) for i, s in enumerate(shapes)}, sizes=sizes)


P, Q = Size.of("p"), Size.of("q")


@pytest.mark.parametrize(
    ("types", "shapes"),
    [
        ((_typed(P * 2 + 1),), ((7,),)),
        ((_typed(P + Q, Q),), ((5, 2),)),
        ((_typed(P * Q), _typed(P)), ((6,), (2,))),
        ((_typed((P + 1) // 2, P),), ((3, 5),)),
        ((_typed(Size.of(3)),), ((3,),)),
    ],
)
def test_sizes_are_solved(types: tuple[Type, ...], shapes: tuple[tuple[int, ...], ...]) -> None:
    _evaluate_shapes(_passing(*types), *shapes)


@pytest.mark.parametrize(
    ("types", "shapes", "message"),
    [
        ((_typed(P, P),), ((2, 3),), r"input 'v0' should have size p = 2, and has 3"),
        ((_typed(P * 2),), ((3,),), r"input 'v0' has size 3, which 2 \* p never is"),
        ((_typed(P + 4),), ((3,),), r"has size 3, which p \+ 4 never is"),
        ((_typed(P + Q),), ((3,),), r"cannot tell p, q from q \+ p"),
        ((_typed(Size.of(3)),), ((2,),), r"should have size 3, and has 2"),
        ((_typed(P),), ((2, 2),), r"input 'v0' should be float\[: p\], and has the shape \(2, 2\)"),
        ((ROW, ROW), ((2, 3), (4, 3)), r"'v0' has batch size 2, but input 'v1' has 4"),
        ((SEQ, SEQ), ((2, 3, 1), (4, 3, 1)), r"'v0' has time size 2, but input 'v1' has 4"),
    ],
)
def test_contradictions_are_told(types: tuple[Type, ...], shapes: tuple[tuple[int, ...], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _evaluate_shapes(_passing(*types), *shapes)


def test_given_sizes_count() -> None:
    program = _passing(_typed(P + Q))
    _evaluate_shapes(program, (5,), p=2)
    with pytest.raises(ValueError, match="should have size p = 2, and has 3"):
        _evaluate_shapes(_passing(_typed(P)), (3,), p=2)


def test_missing_and_unknown_arrays() -> None:
    x, s, decay = _data()
    program = Counter().program
    with pytest.raises(ValueError, match="counter needs param 'decay'"):
        evaluate(program, {("input", "x"): x})
    with pytest.raises(ValueError, match="counter has no input 'y'"):
        evaluate(program, {("input", "x"): x, ("param", "decay"): decay, ("input", "y"): x})
    with pytest.raises(ValueError, match=r"'s' has batch size 3|batch size 4, but state 's' has 3"):
        evaluate(program, {("input", "x"): x, ("param", "decay"): decay, ("state", "s"): s[:3]})


def test_an_absent_value_is_refused_where_it_is_needed() -> None:
    s = Value(ROW, "s")
    builder = Builder()
    out = builder.op("tanh", s)
    program = Program("absent", (Port("state", "s", s),), tuple(builder.nodes), (Port("output", "y", out),))
    with pytest.raises(ValueError, match=r"tanh needs s .* which is absent"):
        evaluate(program, {})
