"""Products of windows, which nobody writes down: convolutions, and their gradients."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import compile_source
from rnnc.resources import resource_text
from rnnc.simulator.cupy_like import How
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.syntax.source import Source
from rnnc.verify.proving.halves import Half, halves_here
from tests.cuda.support import needs_compiler

# Strides, dilation and holes at the edge; rows, columns and numbers that are summed past one tile, and none a multiple.
CELL = """
cell C(units) {
  input x[row, col, channel]
  state h[row: (row - 1) // 2 + 1, col: col - 4, units]
  many = conv(x, over = [row, col], kernel = [2, 1], stride = [2, 1], out = [units])
  wide = relabel(many, row: (row - 1) // 2 + 1, col: col, units: units)
  a    = conv(wide, over = [row, col], kernel = [1, 3], dilation = [1, 2], padding = valid)
  h'   = tanh(a + conv(h, over = [row, col], kernel = [3, 2], bias = false))
  output h'
}
"""
SIZES = {"row": 17, "col": 10}


def text_of(units: int = 70, save: str = "all", strategy: str = "step") -> str:
    options = {"units": units, "strategy": strategy}
    return compile_source(Source("c.rnn", CELL), None, options, target="cuda", save=save).text


def compared(
    text: str, dtype: str, how: How | None = None, *, units: int = 70, rows: int = 4, steps: int = 13
) -> float:
    """The largest difference from the module for NumPy, of all outputs and gradients, in parts of their largest."""
    plain, cuda = rnnc.compile(CELL, units=units), load(text, "c", how)
    rng = np.random.default_rng(0)
    wide = plain.init_params(seed=0, dtype="float64", channel=3, **SIZES)
    params = {name: array.astype(dtype) for name, array in wide.items()}
    x = rng.standard_normal((rows, steps, *SIZES.values(), 3)).astype(dtype)
    wide = {name: array.astype("float64") for name, array in params.items()}
    expected, final, other = plain.forward_train(wide, x.astype("float64"))
    found, state, tape = cuda.forward_train(params, x)
    pairs = [(found, expected), (state, final)]
    gradients, wanted = cuda.backward(params, tape, found), plain.backward(wide, other, expected)
    pairs += [(gradients["x"], wanted["x"])]
    pairs += [(gradients["params"][name], array) for name, array in wanted["params"].items()]
    return max(float(abs(np.asarray(a).astype("float64") - b).max() / abs(b).max()) for a, b in pairs)


@needs_compiler
@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-13), ("float32", 2e-5)])
def test_it_computes_what_numpy_does(dtype: str, most: float) -> None:
    assert compared(text_of(), dtype) <= most


@needs_compiler
@pytest.mark.parametrize("half", halves_here(), ids=lambda half: half.name)
def test_halves_are_multiplied_as_fragments(half: Half) -> None:
    assert compared(text_of(), half.dtype) <= half.tolerance


@needs_compiler
@pytest.mark.parametrize("save", ["all", "states", "every=4"])
def test_whatever_is_saved(save: str) -> None:
    assert compared(text_of(3, save), "float64", units=3, rows=2) <= 1e-13


@needs_compiler
@pytest.mark.parametrize("schedule", ["reversed", ("random", 3)], ids=str)
def test_no_schedule_and_no_race_changes_numbers(schedule: Any) -> None:
    how = How(schedule=schedule, race=True)
    assert compared(text_of(8), "float32", how, units=8, rows=1, steps=2) <= 2e-5


@needs_compiler
@pytest.mark.parametrize("strategy", ["block", "persistent"])
def test_loops_that_are_one_kernel_compute_windows_where_they_read_them(strategy: str) -> None:
    text = text_of(3, strategy=strategy)
    host = text.split("_KERNELS = {")[0]
    assert not re.findall(r"cp\.empty\(\(.*B.*3, 2, 3, \)", host)
    assert compared(text, "float64", How(race=True), units=3, rows=2, steps=3) <= 1e-13


@needs_compiler
def test_a_missing_barrier_is_caught() -> None:
    text = text_of(8)
    start = text.index("void multiply_tiles(")
    broken = text[:start] + text[start:].replace("      __syncthreads();\n", "", 1)
    with pytest.raises(KernelFault, match="race"):
        compared(broken, "float32", How(race=True), units=8, rows=1, steps=2)


@pytest.mark.parametrize("save", ["all", "states", "every=4"])
def test_windows_are_not_in_memory(save: str) -> None:
    """Nothing that has rows of the batch has the kernel's axes: not in a forward pass, nor in a backward one."""
    host = text_of(save=save).split("_KERNELS = {")[0]
    arrays = re.findall(r"cp\.empty\(\((.*)\), dt\)", host)
    assert arrays
    assert not [shape for shape in arrays if "B," in shape and re.search(r"\b(2, 70|1, 3, 70|3, 2, 70)", shape)]
    assert host.count("launch.tiles(") >= 9  # three products: forward, and two for gradients of each
    assert "launch.product" not in host


def test_host_and_kernels_agree_on_tiles() -> None:
    module, text = load(text_of(), "c"), resource_text("templates/cuda/tiles.cuh")
    told = re.search(r"TILE_ROWS = (\d+), TILE_COLUMNS = (\d+), TILE_THREADS = (\d+);", text)
    assert told
    rows, columns, threads = map(int, told.groups())
    assert (rows, columns, threads) == (module._TILE_ROWS, module._TILE_COLUMNS, module._TILE_THREADS)
    assert 2 * 64 * (rows + 4 + columns + 4) <= module._TILE_BYTES  # two buffers of 64 bytes for each line, and 4 more
    assert 2 * 2 * 24 * (rows + columns) <= module._TILE_BYTES  # of halves


def test_nothing_spills() -> None:
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)
    module = load(text_of(), "c")
    for dtype, architecture in (("float32", "sm_80"), ("float16", "sm_90")):
        for kernel in compile_kernels(module._code(dtype, "backward"), (architecture,)):
            assert kernel.spill_stores == kernel.spill_loads == 0, kernel


ONE_COLUMN = """
cell C(units) {
  input x[input]
  param p[units, k: 1, b: 1]
  state h[units, b: 1]
  h' = tanh(h + conv(u: p * mean(x), v: p, over = [units], kernel = [3], per = b, out = b))
  output h'
}
"""


@needs_compiler
def test_a_product_of_one_column() -> None:
    """Whose number nobody reads, while that of a row is."""
    plain = rnnc.compile(ONE_COLUMN)
    cuda = load(compile_source(Source("c.rnn", ONE_COLUMN), None, {}, target="cuda").text, "c")
    params = plain.init_params(seed=0, dtype="float64", units=5, input=2)
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    gradients = []
    for module in (plain, cuda):
        outputs, _, tape = module.forward_train(params, x)
        gradients.append(module.backward(params, tape, np.ones_like(outputs))["params"])
    for name, array in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], array, rtol=0, atol=1e-12, err_msg=name)
