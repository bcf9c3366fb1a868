"""Every row of the table: types against arrays, derivatives against differences; kinks, ties, extremes by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rnnc.ir.operations import TABLE, Env, TypeMismatch
from rnnc.ir.program import DType, Op, Type
from rnnc.ir.size import Size
from tests.ir.cases import CASES, ENV, LENGTHS, Arg, Case, axes, case, flt, lengths, num, truth
from tests.ir.support import assert_typed, build, cotangents, derivatives, differences, evaluate_op


def _op(example: Case) -> Op:
    return build(example.name, [a.type for a in example.args], example.attrs)


def _differentiable(example: Case) -> bool:
    return TABLE[example.name].derive is not None and any(o.type.dtype is DType.FLOAT for o in _op(example).outs)


EVERY = pytest.mark.parametrize("example", CASES, ids=lambda c: c.label)
DERIVED = pytest.mark.parametrize("example", list(filter(_differentiable, CASES)), ids=lambda c: c.label)


def test_every_row_is_covered() -> None:
    assert {c.name for c in CASES} == set(TABLE)


def test_every_derivative_is_covered_on_floats() -> None:
    floats = {c.name for c in CASES if any(a.type.dtype is DType.FLOAT and not a.absent for a in c.args)}
    assert {name for name, row in TABLE.items() if row.derive} <= floats


def test_only_piecewise_constant_rows_have_no_derivative() -> None:
    without = {name for name, row in TABLE.items() if row.derive is None and row.kind != "source"}
    assert without == {
        *("sign", "floor", "ceil", "round", "floordiv", "zeros_like", "stop_gradient"),
        *("lt", "le", "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_not", "argmax"),
    }


@EVERY
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_have_the_inferred_type(example: Case, dtype: str) -> None:
    env = replace(ENV, float_dtype=dtype)
    op = _op(example)
    arrays = example.arrays(env)
    for out, array in zip(op.outs, evaluate_op(op, arrays, env), strict=True):
        assert_typed(array, out.type, env)
        assert all(a is None or not np.may_share_memory(a, array) for a in arrays)


@DERIVED
def test_derivative_agrees_with_differences(example: Case) -> None:
    op, args = _op(example), example.arrays()
    d_outs = cotangents(op, ENV)
    found = derivatives(op, args, d_outs, ENV)
    for position, (d, arg, array) in enumerate(zip(found, op.args, args, strict=True)):
        if arg.type.dtype is not DType.FLOAT or position in example.constant:
            assert d is None or position in example.constant
        elif array is not None:
            expected = differences(op, args, position, d_outs, ENV)
            # Central differences are right to about 1e-9 here; None stands for a gradient of zero.
            np.testing.assert_allclose(np.zeros_like(array) if d is None else d, expected, rtol=1e-7, atol=2e-8)


@pytest.mark.parametrize("present", [(0,), (1,), (0, 2)])
def test_split_with_some_cotangents_only(present: tuple[int, ...]) -> None:
    example = next(c for c in CASES if c.name == "split")
    op, args = _op(example), example.arrays()
    d_outs = [d if i in present else None for i, d in enumerate(cotangents(op, ENV))]
    (found,) = derivatives(op, args, d_outs, ENV)
    np.testing.assert_allclose(found, differences(op, args, 0, d_outs, ENV), rtol=1e-7, atol=2e-8)


@pytest.mark.parametrize("name", sorted(n for n, r in TABLE.items() if r.optional))
def test_optional_arguments_are_covered_absent(name: str) -> None:
    """…and no others are absent in any case."""
    absent = {i for c in CASES if c.name == name for i, a in enumerate(c.args) if a.absent}
    assert absent == set(TABLE[name].optional)


# --- kinks and ties ------------------------------------------------------------------------------------------


def _slopes(name: str, *points: object, **attrs: object) -> list[list[float]]:
    """The derivatives of an elementwise operation at points."""
    arrays = [np.array(p, float) for p in points]
    op = build(name, [flt("", len(a)).type for a in arrays], attrs)
    (out,) = op.outs
    found = derivatives(op, arrays, [np.ones(ENV.shape(out.type))], ENV)
    return [[] if d is None else d.tolist() for d in found]


@pytest.mark.parametrize(
    ("name", "points", "attrs", "expected"),
    [
        ("max", ([1, 2, 3], [2, 2, 2]), {}, [[0, 1, 1], [1, 0, 0]]),
        ("min", ([1, 2, 3], [2, 2, 2]), {}, [[1, 1, 0], [0, 0, 1]]),
        ("relu", ([-1, 0, 1],), {}, [[0, 0, 1]]),
        ("abs", ([-1, 0, 1],), {}, [[-1, 0, 1]]),
        ("clip", ([-2, -1, 0, 1, 2],), {"lo": -1.0, "hi": 1.0, "through": False}, [[0, 1, 1, 1, 0]]),
        ("clip", ([-2, -1, 0, 1, 2],), {"lo": -1.0, "hi": 1.0, "through": True}, [[1, 1, 1, 1, 1]]),
        ("mod", ([-5.0, 5.0, -5.0], [3.0, -3.0, -3.0]), {}, [[1, 1, 1], [2, 2, -1]]),
        ("pow", ([-2, 0, 0, 0, -2], [2, 2, 1, 0, 0]), {}, [[-4, 0, 1, 0, 0], [0, 0, 0, 0, 0]]),
        ("pow", ([2.0], [3.0]), {}, [[12.0], [8 * np.log(2)]]),
    ],
)
def test_kinks(name: str, points: tuple[object, ...], attrs: dict[str, object], expected: list[list[float]]) -> None:
    assert _slopes(name, *points, **attrs) == expected


@pytest.mark.parametrize("name", ["reduce_max", "reduce_min"])
def test_ties_of_an_extremum_share_equally(name: str) -> None:
    op = build(name, [flt("", 2, 3).type], {"axes": (1,), "keep": False})
    (found,) = derivatives(op, [np.array([[1.0, 1, 1], [2, 2, 2]])], [np.array([3.0, 6.0])], ENV)
    np.testing.assert_array_equal(found, [[1, 1, 1], [2, 2, 2]])


def test_ties_of_maxplus_go_to_the_state() -> None:
    op = build("scan_maxplus", [flt("t").type, flt("t").type, flt().type], {"reverse": False})
    zeros = np.zeros(4)
    d_a, d_b, d_init = derivatives(op, [zeros, zeros, np.zeros(())], [np.array([0.0, 0, 0, 1])], ENV)
    np.testing.assert_array_equal(d_a, [1, 1, 1, 1])
    np.testing.assert_array_equal(d_b, zeros)
    assert d_init == 1


# --- extremes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigmoid", [0, 0.5, 1]),
        ("softplus", [0, np.log(2), 1e4]),
        ("log_sigmoid", [-1e4, -np.log(2), 0]),
        ("tanh", [-1, 0, 1]),
        ("relu", [0, 0, 1e4]),
        ("atan", [np.arctan(-1e4), 0, np.arctan(1e4)]),
        ("asinh", [np.arcsinh(-1e4), 0, np.arcsinh(1e4)]),
        ("erf", [-1, 0, 1]),
    ],
)
def test_extremes(name: str, expected: list[float], dtype: str) -> None:
    env = replace(ENV, float_dtype=dtype)
    op = build(name, [flt("", 3).type], {})
    (found,) = evaluate_op(op, [np.array([-1e4, 0, 1e4], dtype)], env)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    (slope,) = derivatives(op, [np.array([-1e4, 0, 1e4])], [np.ones(3)], ENV)
    assert np.isfinite(slope).all()


def test_sigmoid_keeps_digits_far_out() -> None:
    op = build("sigmoid", [flt("", 1).type], {})
    (found,) = evaluate_op(op, [np.array([-700.0])], ENV)
    np.testing.assert_allclose(found, np.exp(-700.0), rtol=1e-14)


def test_softmax_of_extremes() -> None:
    op = build("softmax", [flt("", 3).type], {"axis": 0})
    (found,) = evaluate_op(op, [np.array([-1e4, 1e4, 1e4])], ENV)
    np.testing.assert_array_equal(found, [0, 0.5, 0.5])


# --- meanings ------------------------------------------------------------------------------------------------

SEQ = np.arange(1.0, 13.0).reshape(4, 3)  # [time, batch]


def _value(name: str, *given: tuple[Arg, object], **attrs: object) -> np.ndarray:
    op = build(name, [arg.type for arg, _ in given], attrs)
    (found,) = evaluate_op(op, [None if a is None else np.asarray(a) for _, a in given], ENV)
    return found


def _with_lengths(name: str, *given: tuple[Arg, object], **attrs: object) -> list[object]:
    return _value(name, *given, (lengths(), np.array(LENGTHS)), **attrs).tolist()


def test_time_operations_follow_lengths() -> None:
    seq, init = (flt("tb"), SEQ), (flt("b"), np.array([-1.0, -2, -3]))
    assert _with_lengths("last", seq) == [4, 0, 12]
    assert _with_lengths("final", seq, init, reverse=False) == [4, -2, 12]
    assert _with_lengths("final", seq, init, reverse=True) == [1, -2, 3]
    assert _with_lengths("fill_past", seq, value=0.0) == [[1, 0, 3], [4, 0, 6], [0, 0, 9], [0, 0, 12]]
    assert _with_lengths("reverse_time", seq) == [[4, 2, 12], [1, 5, 9], [7, 8, 6], [10, 11, 3]]
    assert _with_lengths("where_empty", init) == [0, -2, 0]


def test_shift_and_scans() -> None:
    seq, init = (flt("t"), np.array([1.0, 2, 3, 4])), (flt(), np.array(9.0))
    assert _value("shift", seq, init, reverse=False).tolist() == [9, 1, 2, 3]
    assert _value("shift", seq, init, reverse=True).tolist() == [2, 3, 4, 9]
    half = (flt(), np.array(0.5))
    assert _value("scan_affine", half, seq, init, reverse=False).tolist() == [5.5, 4.75, 5.375, 6.6875]
    assert _value("scan_affine", half, seq, init, reverse=True).tolist() == [3.8125, 5.625, 7.25, 8.5]
    minus = (flt(), np.array(-4.0))
    assert _value("scan_maxplus", minus, seq, init, reverse=False).tolist() == [5, 2, 3, 4]


def test_absent_masks() -> None:
    x, old = (flt("b"), np.array([1.0, 2, 3])), (flt("b"), np.array([10.0, 20, 30]))
    mask = flt("b")
    assert _value("dropout", x, (mask, None), keep=0.5).tolist() == [1, 2, 3]
    assert _value("dropout", x, (mask, [1.0, 0, 1]), keep=0.5).tolist() == [2, 0, 6]
    assert _value("zoneout", x, old, (mask, [1.0, 0, 1]), keep=0.75).tolist() == [1, 20, 3]
    assert _value("zoneout", x, old, (mask, None), keep=0.75).tolist() == [3.25, 6.5, 9.75]
    assert _value("masked", x, (truth("b"), [True, False, True])).tolist() == [1, 0, 3]
    assert _value("default", (flt("b"), None), (flt(), np.array(7.0))).tolist() == [7, 7, 7]
    assert _value("default_grad", (flt("b"), None), x).tolist() == [1, 2, 3]
    assert _value("default_grad", x, old).tolist() == [0, 0, 0]


def test_floor_division_and_remainder_are_tensorflows() -> None:
    a, b = (flt("", 4), np.array([7.0, -7, 7, -7])), (flt("", 4), np.array([3.0, 3, -3, -3]))
    assert _value("mod", a, b).tolist() == [1, 2, -2, -1]
    assert _value("floordiv", a, b).tolist() == [2, -3, -3, 2]
    assert _value("floordiv", (num("", 2), np.array([7, -7])), (num(), np.array(3))).tolist() == [2, -3]


def test_rounding_is_to_even() -> None:
    assert _value("round", (flt("", 4), np.array([0.5, 1.5, 2.5, -0.5]))).tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2])
def test_patches_make_a_convolution(kernel: int, dilation: int) -> None:
    rng = np.random.default_rng(kernel)
    x, w = rng.normal(size=9), rng.normal(size=kernel)
    window = {"spatial": 1, "kernel": (kernel,), "stride": (1,), "dilation": (dilation,), "padding": "same"}
    found = _value("patches", (flt("", 9), x), **window) @ w
    before = (kernel - 1) * dilation // 2
    expected = [
        sum(w[k] * x[t + k * dilation - before] for k in range(kernel) if 0 <= t + k * dilation - before < 9)
        for t in range(9)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_an_index_outside_the_table() -> None:
    with pytest.raises(IndexError, match="there is no row -1 in a table of 5"):
        _value("lookup", (flt("", 5), np.zeros(5)), (num("b"), np.array([-1, 2, 5])))


# --- shape rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (case("add", flt("", "p"), flt("", "q")), r"add: \[p\] and \[q\] do not fit: p against q"),
        (case("mul", flt("b", "p"), flt("", "p", "q")), r"mul: \[p\] and \[p, q\] have different numbers of axes"),
        (case("add", truth("b"), flt("b")), "add takes numbers, not truth values"),
        (case("logical_and", truth(), flt()), "every operand should be true or false, and is float"),
        (case("where", flt(), flt(), flt()), "the condition should be true or false, and is float"),
        (case("add", flt()), "add takes 2 operands, and not 1"),
        (case("reduce_sum", flt("", "p"), axes=(1,), keep=False), r"\[p\] has no axis 1"),
        (case("reduce_sum", flt("", "p"), axes=(0, 0), keep=False), "named twice"),
        (case("contract", flt("", "p"), flt("", "q", 2), a="i", b="ij", out="j", reduce=""), r"\[p\] and \[q, 2\]"),
        (case("contract", flt("", "p"), flt("", "p"), a="i", b="i", out="k", reduce=""), "that no operand has"),
        (case("contract", flt("b", "p"), flt("", "p"), a="i", b="i", out="", reduce="b"), "do not both have it"),
        (case("contract", flt("", "p", "p"), flt("", "p"), a="ii", b="i", out="", reduce=""), "does not name the axes"),
        (case("concat", flt("", "p", 2), flt("", "q", 2), axis=1), "should differ in axis 1 at most"),
        (case("split", flt("", "p"), axis=0, sizes=(Size.of(1),)), "do not make up axis 0"),
        (case("slice", flt("", 3), axis=0, start=Size.of(1), stop=Size.of(4)), "1:4 is not within axis 0"),
        (case("reshape", flt("", "p", 2), axes=axes("p", 3)), "do not hold the same number"),
        (case("broadcast", flt("", 2), axes=axes(1)), r"\[2\] does not stretch to \[1\]"),
        (case("transpose", flt("", 2, 3), perm=(0, 0)), "is no order of the axes"),
        (case("shift", flt("b"), flt("b"), reverse=False), "shift takes a sequence"),
        (case("scan_affine", flt("b"), flt("b"), flt("b"), reverse=False), "scan_affine takes sequences"),
        (case("last", flt("b"), lengths()), "last takes a sequence"),
        (case("last", flt("tb"), flt("b")), "lengths are one int per row"),
        (case("lookup", flt("b", 5), num("b")), "the table should be the same for every step"),
        (case("lookup", flt("", 5), flt("b")), "the index should be int"),
        (
            case("patches", flt("", 2), spatial=1, kernel=(3,), stride=(1,), dilation=(1,), padding="valid"),
            r"the kernel is larger than \[2\]",
        ),
        (case("reduce_to", flt("b", "p"), axes=axes("p"), batch=True, time=True), "is no broadcast form"),
    ],
    ids=lambda value: value.label if isinstance(value, Case) else None,
)
def test_mismatches_are_told_in_words(example: Case, message: str) -> None:
    with pytest.raises(TypeMismatch, match=message):
        _op(example)


def test_labels_come_from_the_axis_that_is_not_stretched() -> None:
    one = Type((axes(1)[0],))
    (out,) = build("add", [one, flt("", "p").type], {}).outs
    assert out.type.axes[0].label == "p"


def test_sizes_are_compared_as_polynomials() -> None:
    heads = Size.of("p") * Size.of("q")
    (out,) = build("reshape", [flt("b", "p", "q").type], {"axes": (replace(axes("p")[0], size=heads),)}).outs
    assert str(out.type.shape[0]) == "p * q"


def test_the_table_needs_no_numpy() -> None:
    code = "import sys, rnnc.ir.operations; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_determines_time() -> None:
    with pytest.raises(ValueError, match="nothing determines the time size"):
        Env({}).shape(flt("t").type)
