"""Generated CUDA modules as people use them, with CuPy's stand-in: what goes in, what comes out, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from rnnc.verify.commands import verify_against, verify_source
from rnnc.verify.proving.halves import halves_here
from rnnc.verify.proving.ways import FORCED
from tests.cuda.support import needs_compiler

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GOLDEN = EXAMPLES.parent / "tests" / "golden"
# Gates with peepholes and a projection, both directions, masks. The gallery has proofs of all examples.
VERIFIED = {
    "lstm": {"peepholes": "true", "proj": "2", "cell_clip": "0.3", "proj_clip": "0.2"},
    "bidirectional:Bidirectional": {"fw": "LSTM(3)", "bw": "GRU(2)"},
    "dropout": {"inner": "RNN(3)", "input_keep": "0.7", "state_keep": "0.8", "output_keep": "0.6"},
}


def text_of(example: str, **options: object) -> str:
    return compile_source(read_source(EXAMPLES / f"{example}.rnn"), None, options, target="cuda").text


@pytest.fixture(scope="module")
def lstm() -> ModuleType:
    return load(text_of("lstm", units=3), "lstm")


def numbers(module: ModuleType, dtype: str = "float64") -> tuple[dict[str, np.ndarray], np.ndarray]:
    params = module.init_params(seed=0, dtype=dtype, input=4)
    return params, np.random.default_rng(0).standard_normal((2, 5, 4)).astype(dtype)


@needs_compiler
@pytest.mark.parametrize("example", [pytest.param(e, marks=[] if e == "lstm" else pytest.mark.slow) for e in VERIFIED])
def test_module_computes_what_the_description_says(example: str) -> None:
    file, _, name = example.partition(":")
    report = verify_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, VERIFIED[example], target="cuda")
    assert report.passed, report.failures
    assert any("CPU" in note for note in report.notes)
    names = {row.name for row in report.rows}
    halves = [half.name for half in halves_here()]
    ways = [f"strategy {way}, float32" for way in FORCED]
    for kind in ("float64", "float32", *halves, *ways):
        assert {f"{kind}, with lengths: {entry}" for entry in ("forward", "forward_train", "backward")} <= names


@needs_compiler
def test_module_computes_what_tensorflow_did() -> None:
    options = {"reset": "before"}
    path = GOLDEN / "gru.npz"
    report = verify_against(read_source(EXAMPLES / "gru.rnn"), path, None, options, target="cuda")
    assert report.passed, report.failures


@needs_compiler
def test_results_are_the_callers(lstm: ModuleType) -> None:
    """Neither a later call nor a change of an argument reaches them."""
    params, x = numbers(lstm)
    outputs, (first, second) = lstm.forward(params, x)[0], lstm.forward(params, x)[1].values()
    copies = [array.copy() for array in (outputs, first, second)]
    lstm.forward(params, -x)
    for array, copy in zip((outputs, first, second), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert not any(np.may_share_memory(outputs, array) for array in (first, second, x))


@needs_compiler
@pytest.mark.parametrize("example", ["lstm", "rnn", "sru"])
def test_backward_does_not_see_what_the_caller_changes(example: str) -> None:
    """The tape shares no memory with inputs, outputs or states."""
    module = load(text_of(example, units=3), example)
    params, x = numbers(module)
    state = module.forward(params, x)[1]
    found = []
    for change in (False, True):
        given = x.copy(), {n: a.copy() for n, a in state.items()} if isinstance(state, dict) else state.copy()
        outputs, final, tape = module.forward_train(params, *given)
        d_outputs = np.ones_like(outputs)
        if change:
            for array in (given[0], outputs, *leaves(given[1]), *leaves(final)):
                array[...] = 7.0
        found.append(module.backward(params, tape, d_outputs)["params"])
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][name], err_msg=name)


def leaves(state: object) -> list[np.ndarray]:
    return list(state.values()) if isinstance(state, dict) else [np.asarray(state)]


@needs_compiler
def test_the_same_call_gives_the_same_bits(lstm: ModuleType) -> None:
    params, x = numbers(lstm, "float32")
    found = []
    for _ in range(2):
        outputs, _, tape = lstm.forward_train(params, x)
        found.append((outputs, lstm.backward(params, tape, outputs)["params"]["i.h"]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@needs_compiler
def test_parameters_in_any_order_of_axes(lstm: ModuleType) -> None:
    params, x = numbers(lstm)
    turned = {name: np.asfortranarray(array) for name, array in params.items()}
    np.testing.assert_array_equal(lstm.forward(params, x)[0], lstm.forward(turned, x)[0])


@needs_compiler
def test_no_rows_and_no_steps(lstm: ModuleType) -> None:
    params, x = numbers(lstm)
    assert lstm.forward(params, x[:0])[0].shape == (0, 5, 3)
    outputs, state = lstm.forward(params, x[:, :0])
    assert outputs.shape == (2, 0, 3)
    np.testing.assert_array_equal(state["h"], np.zeros((2, 3)))


def test_wrong_arguments_have_names(lstm: ModuleType) -> None:
    params, x = numbers(lstm)
    with pytest.raises(ValueError, match=r"x: expected \[batch, time, input\], got \(5, 4\)"):
        lstm.forward(params, x[0])
    with pytest.raises(KeyError, match=r"did you mean 'i\.x'"):
        lstm.forward({**params, "i.xx": params["i.x"]}, x)
    with pytest.raises(TypeError, match="float64 like the parameters"):
        lstm.forward(params, x.astype("float32"))


def test_the_same_bytes_every_time() -> None:
    assert text_of("lstm", units=3) == text_of("lstm", units=3)


def test_without_cupy_there_is_a_remedy(tmp_path: Path) -> None:
    """Writing the file needs no CuPy, importing it does."""
    path = tmp_path / "lstm_cuda.py"
    path.write_text(text_of("lstm", units=3), encoding="utf-8")
    (tmp_path / "cupy.py").write_text("raise ImportError('not here')", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import lstm_cuda"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install cupy-cuda12x" in done.stderr


@needs_compiler
def test_a_large_sequence_has_few_blocks() -> None:
    """Threads go round where there are more elements than a grid has."""
    module = load(text_of("rnn", units=2), "rnn")
    numpy = rnnc.compile(EXAMPLES / "rnn.rnn", units=2)
    params = module.init_params(seed=0, dtype="float32", input=1)
    x = np.random.default_rng(0).standard_normal((40, 30, 1)).astype("float32")
    np.testing.assert_allclose(module.forward(params, x)[0], numpy.forward(params, x)[0], rtol=0, atol=1e-6)


def test_modules_of_other_targets_stay_as_they_are() -> None:
    """The parts that NumPy's and CUDA's modules share name the library of each."""
    text = compile_source(read_source(EXAMPLES / "rnn.rnn"), None, {"units": 2}).text
    assert "cp." not in text
    assert "xp." not in text
    assert load_module(text, "rnn").SPEC["target"] == "numpy"


@needs_compiler
def test_a_row_that_is_not_in_the_table_is_no_number() -> None:
    source = Source(
        "rows.rnn",
        "cell Rows(size) {\n  input i[]: int\n  param table[9, size]\n  y = lookup(table, i)\n  output y\n}\n",
    )
    module = load(compile_source(source, None, {"size": 2}, target="cuda").text, "rows")
    outputs, _ = module.forward(module.init_params(), np.array([[0, 9, -1, 8]], np.int32))
    np.testing.assert_array_equal(np.isnan(outputs[0, :, 0]), [False, True, True, False])


@needs_compiler
@pytest.mark.parametrize("strategy", ["step", "block"])
@pytest.mark.parametrize(("input_", "units"), [("double", "row"), ("smem", "team"), ("long", "f")])
def test_sizes_may_have_names_that_mean_something_in_kernels(input_: str, units: str, strategy: str) -> None:
    text = f"cell C({units}) {{\n  input x[{input_}]\n  state h[{units}]\n  h' = tanh(linear(x, h))\n  output h'\n}}\n"
    source = Source("names.rnn", text)
    module = load(compile_source(source, None, {"strategy": strategy}, target="cuda").text, "names")
    params = module.init_params(seed=0, **{input_: 4, units: 3})
    x = np.random.default_rng(0).standard_normal((2, 5, 4)).astype("float32")
    outputs, _, tape = module.forward_train(params, x)
    expected, _, other = (plain := rnnc.compile(text)).forward_train(params, x)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6)  # sums in another order
    found, judge = module.backward(params, tape, outputs), plain.backward(params, other, expected)
    np.testing.assert_allclose(found["x"], judge["x"], rtol=0, atol=1e-5)


SMALLER = """
cell S {
  input x[row, channel]
  state h[row: row - 1, 2]
  h' = tanh(conv(x, over = [row], kernel = [2], padding = valid) + conv(h, over = [row], kernel = [2], bias = false))
  output h'
}
"""


@needs_compiler
def test_an_axis_may_be_one_less_than_a_size_that_is_open() -> None:
    """Where sizes are multiplied as text, a sum stands in brackets."""
    cuda = load(compile_source(Source("s.rnn", SMALLER), None, {}, target="cuda").text, "S")
    expected = rnnc.compile(SMALLER)
    params = expected.init_params(seed=0, dtype="float64", channel=3)
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    y, _, tape = cuda.forward_train(params, x)
    wanted, _, other = expected.forward_train(params, x)
    np.testing.assert_allclose(y, wanted, rtol=0, atol=1e-12)
    found, gradients = (m.backward(params, t, wanted)["params"] for m, t in ((cuda, tape), (expected, other)))
    for name, array in gradients.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-12, err_msg=name)


def test_large_numbers_are_multiplied_before_they_are_written() -> None:
    """In C++ a product of two ints is one, too."""
    cell = (
        "cell Large {\n  input x[70000]\n  state h[70000]\n  h' = tanh(linear(x, h) + linear(x) as y)\n  output h'\n}\n"
    )
    text = compile_source(Source("large.rnn", cell), None, {}, target="cuda").text
    assert "const long long total = 4900000000;" in text
    assert "70000 * 70000" not in text.split("_KERNELS = {")[1]
