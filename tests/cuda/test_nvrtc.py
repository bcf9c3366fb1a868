"""The kernels of examples, compiled as they will be on a device; that needs no device."""

from __future__ import annotations

import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.syntax.source import read_source
from tests.cuda.test_modules import EXAMPLES

pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)


@pytest.mark.parametrize("real", ["float", "double"])
@pytest.mark.parametrize("example", ["lstm", "layer_norm_lstm"])
def test_nothing_spills(example: str, real: str) -> None:
    text = compile_source(read_source(EXAMPLES / f"{example}.rnn"), None, {"units": 64}, target="cuda").text
    module = load(text, example)
    for program in ("forward", "backward"):
        code = "\n".join([module._PRELUDE, f"typedef {real} real;", module._MATH, module._KERNELS[program]])
        archs = ("sm_80", "sm_90") if real == "float" else ("sm_90",)
        found = compile_kernels(code, archs)
        assert found
        for kernel in found:
            assert kernel.spill_stores == kernel.spill_loads == 0, kernel
            assert kernel.registers <= 255
