"""The kernels of examples, compiled as they will be on a device; that needs no device."""

from __future__ import annotations

import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import _OPTIONS, compile_kernels
from rnnc.syntax.source import read_source
from tests.cuda.test_modules import EXAMPLES
from tests.support.examples import OPTIONS

pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)


@pytest.mark.parametrize("example", ["lstm", pytest.param("layer_norm_lstm", marks=pytest.mark.slow)])
def test_nothing_spills(example: str) -> None:
    """In float32. (In float64 a function call for a quotient may save registers, which counts as spilling.)"""
    for code in codes(example, "float32"):
        found = compile_kernels(code, ("sm_80", "sm_90"))
        assert found
        for kernel in found:
            assert kernel.spill_stores == kernel.spill_loads == 0, kernel


def test_calls_need_no_memory() -> None:
    """Loops with many products call what these share; what a call is given stays in registers."""
    found = [kernel for code in codes("mogrifier", "float32") for kernel in compile_kernels(code, ("sm_90",))]
    assert sum("_loop_" in kernel.name for kernel in found) == 2
    for kernel in found:
        assert kernel.stack == 0, kernel


@pytest.mark.parametrize("example", ["lstm", "gru", pytest.param("conv_lstm:ConvLSTM2D", marks=pytest.mark.slow)])
def test_every_variable_is_read(example: str) -> None:
    for code in codes(example, "float32"):
        assert compile_kernels(code, ("sm_90",), ("--diag-error=177",))


def test_the_judge_compiles_as_modules_do() -> None:
    """Without the contraction of sums behind their backs above all, which gives a value other bits at each place."""
    module = load(compile_source(read_source(EXAMPLES / "lstm.rnn"), None, {}, target="cuda").text, "lstm")
    asked, judge = ({option.lstrip("-") for option in options} for options in (module._OPTIONS, _OPTIONS))
    assert asked < judge
    assert "fmad=false" in asked


def test_float64_compiles() -> None:
    for code in codes("lstm", "float64"):
        assert compile_kernels(code, ("sm_90",))


def codes(example: str, dtype: str) -> list[str]:
    """The text that the module gives to NVRTC for two of its programs and their loops."""
    file, _, name = example.partition(":")
    options = OPTIONS.get(example, {}) if name else {"units": 64}
    text = compile_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, options, target="cuda").text
    module = load(text, file)
    return [module._code(dtype, program) for program in module._KERNELS if program.startswith(("forward", "backward"))]
