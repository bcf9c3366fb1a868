"""The generated module as a contender, and in float64 as the judge of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.device.case import Case, Contender, Mode, NotThere
from benchmarks.device.modules import parameters
from benchmarks.device.rounding import stored


def generated(case: Case, dtype: str | None = None) -> Contender:
    """The module in the row's dtype. Training packs the parameters in every call, as they change between calls."""
    module, dtype = case.module, stored(dtype or case.row.dtype)
    if dtype not in module.REALS:
        raise NotThere(f"not there yet: the module has {', '.join(module.REALS)}")
    own = next(iter(parameters(module, case.row, dtype).values())).dtype
    params = {name: case.arrays.asarray(value.astype(own)) for name, value in case.params.items()}
    x, d_outputs = case.x.astype(own), case.d_outputs.astype(own)
    packed = module.pack(params)

    def forward() -> Any:
        return module.forward(packed, x, time_major=True)

    def train() -> Any:
        now = module.pack(params)
        outputs, _, tape = module.forward_train(now, x, time_major=True)
        return outputs, module.backward(now, tape, d_outputs, None)

    def results(mode: Mode, found: Any) -> dict[str, Any]:
        host = module.cp.asnumpy
        if mode == "forward":
            return {"outputs": host(found[0]).astype(np.float64)}
        outputs, gradients = found
        return {"outputs": host(outputs).astype(np.float64), "x": host(gradients["x"]).astype(np.float64)}

    return Contender("rnnc", forward, train, results, "cupy")


def reference(case: Case, mode: Mode) -> dict[str, Any]:
    """What all are compared with: the same module in float64, which `checks.py` holds against NumPy's."""
    judge = generated(case, "float64")
    return judge.results(mode, judge.call(mode)())
