"""Lines in parts: whatever their length, they give what the walk gives."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.ir.interpreter import evaluate
from rnnc.ir.operations import Env
from rnnc.ir.program import DType, Type
from rnnc.simulator.cupy_like import Cupy, How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.syntax.source import read_source
from rnnc.verify.running.runner import ModuleRunner
from tests.cuda.support import SHARING, Arrays, Batch, needs_compiler
from tests.cuda.test_modules import EXAMPLES
from tests.ir.cases import Arg, Case, as_program, axes
from tests.numpy.support import agree
from tests.support.cell_checks import Subject
from tests.support.shared_work import share_out

ROWS = 3
# The length of parts and of lines: parts of one element (and more of them than a warp has lanes), a last part of one
# element, of several and of all, and one part.
CUTS = [(1, 70), (4, 37), (5, 40), (12, 23), (30, 30), (50, 20)]
# As `test_operations`, for some dozens of sums of which each may be off by a rounding.
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


def real(*sizes: int | str, leads: str = "tb", values: object = None) -> Arg:
    return Arg(Type(axes(*sizes), DType.FLOAT, "b" in leads, "t" in leads), -1.0, 1.0, values)


def whole(*sizes: int | str) -> Arg:
    return Arg(Type(axes(*sizes), DType.INT, batch=True), -(2**30), 2**30)


CASES = [
    case
    for reverse in (False, True)
    for case in (
        Case("scan_affine", (real(5), real(5), real(5, leads="b")), {"reverse": reverse}),
        Case("scan_affine", (real(leads=""), real(2, 1), real(1, 3, leads="")), {"reverse": reverse}),
        Case("scan_maxplus", (real(5), real(5), real(5, leads="b")), {"reverse": reverse}),
        Case("scan_maxplus", (real(5), real(leads=""), real(leads="")), {"reverse": reverse}),
        *(
            Case("cumsum", args, {"axis": 1, "reverse": reverse, "exclusive": exclusive})
            for exclusive in (False, True)
            for args in ((real(2, "p", leads="b"),), (whole(2, "p", 3),))
        ),
    )
]


@cache
def batch() -> Batch:
    found = Batch()
    for number, case in enumerate(CASES):
        found.add(str(number), as_program(case, f"case_{number}"), ("p",))
    return found


def arrays_of(case: Case, length: int) -> Arrays:
    env, rng = Env({"p": length}, "float64", time=length, batch=ROWS), np.random.default_rng(length)
    drawn = {("tape", f"arg{i}"): arg.draw(rng, env) for i, arg in enumerate(case.args)}
    return {**drawn, ("input", "clock"): np.zeros((length, ROWS))}


@needs_compiler
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("part", "length"), CUTS)
def test_parts_of_any_length(part: int, length: int, dtype: str) -> None:
    batch().part = part
    for number, case in enumerate(CASES):
        arrays, sizes = arrays_of(case, length), {"p": length}
        expected = evaluate(batch().written[str(number)][0], arrays, sizes=sizes)
        try:
            agree(batch().run(str(number), arrays, dtype, sizes), expected, TOLERANCE[dtype])
        except AssertionError as error:
            raise AssertionError(f"{case.label}: {error}") from error


@needs_compiler
@pytest.mark.parametrize("number", [0, 2, 4], ids=["affine", "maxplus", "sums"])
def test_each_element_is_written_by_one_thread(number: int) -> None:
    """A part that is walked twice gives the same numbers but for roundings, and not always those of the same thread."""
    alone, case = Batch(How(race=True), part=4), CASES[number]
    alone.add("alone", as_program(case, "alone"), ("p",))
    arrays, sizes = arrays_of(case, 15), {"p": 15}
    expected = evaluate(alone.written["alone"][0], arrays, sizes=sizes)
    agree(alone.run("alone", arrays, "float64", sizes), expected, TOLERANCE["float64"])


# What a state comes through though products of factors, or sums of parts, do not.
LARGE = {
    "factors that are larger than one, and a state that is zero": ("scan_affine", 1e30, 0.0, 0.0),
    "a state that stands still where others run away": ("scan_affine", 8.0, -7.0, 1.0),
    "factors that overflow, and one that is zero": ("scan_affine", [1e30, 1e30, 1e30, 0.0, 2.0] * 8, 1.0, 0.0),
    "a state that is infinite": ("scan_affine", 0.5, 1.0, np.inf),
    "a state that is no number": ("scan_affine", 0.5, 1.0, np.nan),
    "a term that is no number": ("scan_affine", 0.5, [1.0] * 20 + [np.nan] + [1.0] * 19, 1.0),
    "no floor": ("scan_maxplus", 1.0, -np.inf, -np.inf),
    "a gate that is shut": ("scan_maxplus", [1.0, 1.0, -np.inf, 1.0, 0.5] * 8, -2.0, 0.0),
    "a maximum that is no number": ("scan_maxplus", [1.0] * 15 + [np.nan] + [1.0] * 24, 0.0, 0.0),
    "shifts that overflow": ("scan_maxplus", [-3e38, -3e38, 3e38, 3e38] * 10, -3.2e38, 3e38),
}


@cache
def large() -> Batch:
    found = Batch()
    for number, (name, a, b, init) in enumerate(LARGE.values()):
        a, b = (np.reshape(values, (-1, 1)) for values in (a, b))
        args = (real(leads="tb", values=a), real(leads="tb", values=b), real(leads="b", values=init))
        found.add(str(number), as_program(Case(name, args, {"reverse": False}), f"large_{number}"))
    return found


@needs_compiler
@pytest.mark.parametrize("what", LARGE)
def test_what_cannot_be_composed_is_walked(what: str) -> None:
    """To the bit, as one part: in float32, where more overflows."""
    number = list(LARGE).index(what)
    _, a, b, init = LARGE[what]
    arrays: Arrays = {
        ("tape", "arg0"): np.broadcast_to(np.reshape(a, (-1, 1)), (40, ROWS)),
        ("tape", "arg1"): np.broadcast_to(np.reshape(b, (-1, 1)), (40, ROWS)),
        ("tape", "arg2"): np.full(ROWS, init),
        ("input", "clock"): np.zeros((40, ROWS)),
    }
    found = []
    for part in (3, 40):
        large().part = part
        found.append(large().run(str(number), arrays, "float32")["output", "out0"])
    np.testing.assert_array_equal(*found)


@needs_compiler
@pytest.mark.parametrize("number", [0, 2, 4], ids=["affine", "maxplus", "sums"])
def test_long_lines_are_as_exact_as_the_walk(number: int) -> None:
    """In float32, against float64, with parts as modules choose them; a factor of 2 for chance."""
    case, length = CASES[number], 3000
    arrays = dict(arrays_of(case, length))
    if case.name == "scan_affine":  # a state that remembers
        arrays["tape", "arg0"] = 1 - 0.01 * np.abs(arrays["tape", "arg0"])
    arrays = {key: array.astype(np.float32).astype(np.float64) for key, array in arrays.items()}
    expected = evaluate(batch().written[str(number)][0], arrays, sizes={"p": length})["output", "out0"]
    errors = []
    for part in (None, length):
        batch().part = part
        found = batch().run(str(number), arrays, "float32", {"p": length})["output", "out0"]
        errors.append(np.abs(found - expected).max())
    assert errors[0] <= 2 * errors[1]


@pytest.mark.parametrize(
    ("length", "lines", "multiprocessors", "part", "joints"),
    [
        (65536, 64, 132, 32, 2047),  # long lines, and few
        (65536, 1024, 132, 497, 131),  # parts that fill the device
        (65536, 40000, 132, 65536, 0),  # lines fill it
        (100, 64, 132, 100, 0),  # short lines
        (256, 64, 132, 32, 7),
        (0, 64, 132, 1, 0),
        (300, 0, 132, 34, 8),
    ],
)
def test_how_lines_are_cut(length: int, lines: int, multiprocessors: int, part: int, joints: int) -> None:
    device = DeviceModel(multiprocessors=multiprocessors)
    space = {"cp": Cupy(How(device=device)), "_attributes": device.attributes}
    exec(SHARING, space)
    found, memory = space["_parts"](length, lines, 2, "float32")  # type: ignore[operator]
    assert found == part
    assert (0 if memory is None else len(memory)) == joints


EXAMPLES_WITH_SCANS = ["sru", "qrnn", "min_gru:MinLSTM", "rwkv:TimeMixing", "xlstm:MLSTM"]


@needs_compiler
@pytest.mark.parametrize("example", EXAMPLES_WITH_SCANS)
def test_linear_recurrences_in_parts(example: str) -> None:
    """Forward and backward, with lengths and states: every step is a part, so that all carries count."""
    file, _, name = example.partition(":")
    source = read_source(EXAMPLES / f"{file}.rnn")
    options = {name: 2 for name in ("units", "heads") if f"{name}" in source.text.split("{")[0]}
    compiled = compile_source(source, name or None, options, target="cuda")
    module = load(compiled.text, file)
    share_out(vars(module))
    model = compiled.unit.model
    sizes = dict.fromkeys(model.sizes, 2)
    subject = Subject(model, ModuleRunner(model, module), sizes, 1)
    subject.compare(dict(subject.situations()))


@needs_compiler
def test_halves_in_parts() -> None:
    """States between parts are float32 as within them: results differ by a rounding to halves at most."""
    text = compile_source(read_source(EXAMPLES / "sru.rnn"), None, {"units": 3}, target="cuda").text
    found = []
    for shared in (False, True):
        module = load(text, "sru")
        if shared:
            share_out(vars(module))
        params = module.init_params(seed=0, dtype="float16", input=2)
        x = np.random.default_rng(0).standard_normal((2, 9, 2)).astype("float16")
        found.append(module.forward(params, x)[0].astype("float32"))
    np.testing.assert_allclose(*found, rtol=2.0**-10, atol=2.0**-12)
