"""Loops as kernels with one thing broken in a copy: fragments, parts of sums, pairs of arrays, weights in registers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.syntax.source import read_source
from tests.cuda.support import needs_compiler
from tests.cuda.test_modules import EXAMPLES

pytestmark = needs_compiler


class Copy(NamedTuple):
    """What stands in a module, what stands there then, and the cell that shows it: on four multiprocessors, of so
    many bytes of shared memory, with so many registers of a thread for weights."""

    right: str
    wrong: str
    cell: str = "lstm"
    strategy: str = "persistent"
    units: int = 13
    dtype: str = "float32"
    rows: int = 5
    registers: int = 0
    threads: int = 256
    shared: int = 227 << 10


STAGED = "    if (staged) __syncthreads();"
BARRIER, FILL = "        __syncthreads();\n", "        fill_weights((I*)smem"
COPIES = {
    "copies that nobody waits for": Copy("  cp_async_wait<0>();\n", "", units=16, rows=9, dtype="float16"),
    "a line's end that is no zero": Copy("if (deep > length) {", "if (false) {", dtype="float16"),
    "a chunk while the last one is read": Copy(f"{STAGED}  //", "  //", units=37, rows=9, shared=7 << 10),
    "a chunk that is not there yet": Copy(f"{STAGED}\n    if (held", "    if (held", rows=9),
    "a chunk that forgets the last one": Copy(
        "first ? N(0) : at[r * wide + c];", "N(0);", units=37, rows=9, shared=7 << 10
    ),
    "16 columns where there are 8": Copy("both = there > 8;", "both = true;", units=17, dtype="float16"),
    "sums of columns that are another's": Copy("if (i / 2 * 8 < there) *sum", "*sum", units=9, dtype="bfloat16"),
    "parts that overlap": Copy("from + part < length ? from + part : length;", "from + part;"),
    "a part that nobody adds": Copy("s + i < splits ?", "s + i < splits - 1 ?", units=16),
    "the other one of a pair": Copy("return turned ? odd : even", "return turned ? even : odd", "gru"),
    "a pair that does not change places": Copy("    swap_(d_c, d_c_next);\n", "", units=40, threads=32),
    "a meeting without the last block": Copy("grid_arrive(counter, blocks, ", "grid_arrive(counter, blocks - 1, "),
    "a block without the last number": Copy("i < blocks; ++i) st_cl", "i < blocks - 1; ++i) st_cl", "gru", "cluster"),
    "numbers before the block is there": Copy("  team.settle();\n  const int", "  const int", "gru", "cluster"),
    "the pair before the last step": Copy("leave(T % 2 != 0", "leave(T % 2 == 0", "gru", "cluster"),
    "rows that are no team's": Copy("(int)within_(batch - first, rows)", "rows", strategy="block", units=7),
    "k beyond the last one": Copy("* H::unit >= inner) continue;", "* H::unit < 0) continue;", registers=128),
    "weights on their way into registers": Copy(f"{BARRIER}{FILL}", FILL, units=37, registers=128),
    "parts that their block has not made yet": Copy(
        "\n    __syncthreads();\n    // u = v - mean", "\n    // u = v - mean", "layer_norm_lstm", units=64
    ),
    "a total that its block has not made yet": Copy(
        "\n    __syncthreads();\n    // return gain", "\n    // return gain", "layer_norm_lstm", units=64
    ),
    "parts of one block": Copy("parts + block * numbers", "parts", "layer_norm_lstm", units=64),
    "means that lie apart": Copy("block, features) * far * far;", "block, features) * 0;", "layer_norm_lstm", units=64),
    "registers and shared memory at once": Copy(
        "if (held > 0 && rest > 0) __syncthreads();", "", units=61, registers=16
    ),
}  # fmt: skip


@cache
def text(cell: str, strategy: str, units: int) -> str:
    options = {"units": units, "strategy": strategy}
    return compile_source(read_source(EXAMPLES / f"{cell}.rnn"), None, options, target="cuda").text


def results(module: ModuleType, copy: Copy) -> Iterator[np.ndarray]:
    """Of a sequence and its gradients."""
    vars(module).update(_NEAR=1e-3, _REGISTERS=(copy.registers,), _THREADS=copy.threads)
    half = pytest.importorskip("ml_dtypes").bfloat16 if copy.dtype == "bfloat16" else copy.dtype
    rng = np.random.default_rng(0)
    params = {n: a.astype(half) for n, a in module.init_params(seed=0, input=3).items()}
    x = rng.standard_normal((copy.rows, 4, 3)).astype(half)
    lengths = np.resize([4, 1, 3, 0, 2], copy.rows).astype(np.int32)
    outputs, final, tape = module.forward_train(params, x, None, lengths)
    yield from (outputs, *(final.values() if isinstance(final, dict) else [final]))
    gradients = module.backward(params, tape, np.ones_like(outputs), final)
    yield from (gradients["x"], *gradients["params"].values())


def found(copy: Copy, how: How, broken: bool) -> list[np.ndarray]:
    whole = text(copy.cell, copy.strategy, copy.units)
    assert copy.right in whole
    module = load(whole.replace(copy.right, copy.wrong) if broken else whole, copy.cell, how)
    return [np.asarray(array, np.float64) for array in results(module, copy)]


@pytest.mark.parametrize("what", COPIES)
def test_a_broken_copy_is_caught(what: str) -> None:
    """By a fault, where accesses are checked, or by numbers."""
    copy = COPIES[what]
    device = DeviceModel(multiprocessors=4, shared_bytes=copy.shared)
    sound = found(copy, How(device=device), broken=False)
    fault, numbers = None, sound
    try:
        numbers = found(copy, How(device=device, race=True), broken=True)
    except KernelFault as caught:
        fault = caught.fault
    with np.errstate(invalid="ignore"):
        alike = all(np.allclose(a, b, rtol=0, atol=0.01) for a, b in zip(numbers, sound, strict=True))
    assert not alike if fault is None else fault.line is not None
