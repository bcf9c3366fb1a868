"""What must hold on a card: every strategy computes what NumPy's module does, on the caller's stream, always the same.

    python -m benchmarks.device.checks MODULES [--small] [--jobs 8]

runs all of it with generated modules (`python -m benchmarks.gpu generate MODULES`) and needs CuPy and NumPy alone. With
`--small` little is computed, for tools under which everything is a hundred times slower.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.device.card import card
from benchmarks.device.cells import INVENTED
from benchmarks.device.cubins import use
from benchmarks.device.modules import load
from benchmarks.device.rounding import products_in, stored

STRATEGIES = ("auto", "step", "block", "cluster", "persistent")
# Of gradients summed over rows and steps, against float64: some tens of roundings of each dtype.
TOLERANCES = {"float32": 2e-4, "float64": 1e-10, "float16": 2e-2, "bfloat16": 1.5e-1, "tf32": 2e-2}
CELLS = {
    "lstm": """cell C(units) {
  input x[input]
  state c[units], h[units]
  i = sigmoid(linear(x, h))
  f = sigmoid(linear(x, h) + 1)
  o = sigmoid(linear(x, h))
  c' = f * c + i * tanh(linear(x, h) as g)
  h' = o * tanh(c')
  output h'
}""",
    "gru": """cell C(units) {
  input x[input]
  state h[units]
  r = sigmoid(linear(x, h))
  u = sigmoid(linear(x, h))
  n = tanh(linear(x, q: r * h))
  h' = u * h + (1 - u) * n
  output h'
}""",
    "normed": """cell C(units) {
  input x[input]
  state h[units]
  h' = tanh(layer_norm(linear(x, h), eps = 0.01))
  output h'
}""",
    "invented": INVENTED,
}
Give = Callable[[str, str], ModuleType]  # a module by cell and strategy ("numpy" for NumPy's)
STEPS, INPUT = 9, 7
SIZES = ((5, 12), (70, 200), (16, 768))  # rows of the batch, units


def checks(give: Give, *, small: bool = False) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each check with its name; it raises where something does not hold."""
    give = partial(_few_captured, give)
    for cell in list(CELLS)[: 2 if small else None]:
        for strategy in STRATEGIES:
            for dtype in ("float32",) if small else _dtypes():
                for size in SIZES[: 1 if small else None]:
                    name = f"{cell}, {strategy}, {dtype}, {size[0]} rows, {size[1]} units: as NumPy's"
                    yield name, lambda a=(give, cell, strategy, dtype, size): agrees(*a)
    if small:
        return
    for strategy in STRATEGIES:
        yield f"{strategy}: the same call gives the same bits", lambda s=strategy: repeats(give("lstm", s))
        yield f"{strategy}: works on the caller's stream", lambda s=strategy: follows(give("lstm", s))
    yield "step: a call within a capture of the caller", lambda: within(give("lstm", "step"))
    yield "arrays of others go in without a copy", lambda: borrows(give("lstm", "auto"))


def _few_captured(give: Give, cell: str, strategy: str) -> ModuleType:
    """A module whose graphs have so few steps that the checks capture some."""
    module = give(cell, strategy)
    vars(module)["_CAPTURED"] = 4
    return module


def _dtypes() -> list[str]:
    """Those that there are: bfloat16 is ml_dtypes', and CuPy knows it from version 14 on."""
    known = find_spec("ml_dtypes") is not None
    if known and find_spec("cupy") is not None:
        known = int(import_module("cupy").__version__.split(".")[0]) >= 14
    return [dtype for dtype in TOLERANCES if dtype != "bfloat16" or known]


def numbers(module: ModuleType, dtype: str, rows: int, units: int) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, input and lengths, as arrays of NumPy."""
    random = np.random.default_rng(0)
    shapes = module.init_params(seed=0, dtype=stored(dtype), input=INPUT, units=units)
    params = {name: (1.5 * units**-0.5 * random.standard_normal(p.shape)).astype(p.dtype) for name, p in shapes.items()}
    x = random.standard_normal((rows, STEPS, INPUT)).astype(next(iter(params.values())).dtype)
    return params, x, random.integers(0, STEPS + 1, rows).astype(np.int32)


def everything(module: ModuleType, params: dict[str, Any], x: Any, lengths: Any) -> dict[str, Any]:
    """Outputs, states and all gradients of a call, as arrays of NumPy."""
    outputs, state, tape = module.forward_train(params, x, lengths=lengths)
    signs = np.where(np.cos(np.arange(int(np.prod(outputs.shape)))) > 0, 1, -0.5)  # numbers that every dtype has
    gradients = module.backward(params, tape, signs.reshape(outputs.shape).astype(x.dtype))
    if any(graphs.broken for graphs in getattr(getattr(module, "_GRAPHS", None), "of", {}).values()):
        raise AssertionError("steps are not captured")
    found = {"outputs": outputs, "x": gradients["x"], **gradients["params"]}
    found |= state if isinstance(state, dict) else {"state": state}
    return {name: host(array) for name, array in found.items()}


def host(array: Any) -> Any:
    """A copy as an array of NumPy."""
    return np.array(array.get() if hasattr(array, "get") else array)


def agrees(give: Give, cell: str, strategy: str, dtype: str, size: tuple[int, int]) -> None:
    """With NumPy's module in float64, with and without lengths."""
    module, judge = give(cell, strategy), give(cell, "numpy")
    params, x, lengths = numbers(module, dtype, *size)
    wide = {name: array.astype(np.float64) for name, array in params.items()}
    for given in (None, lengths):
        expected = everything(judge, wide, x.astype(np.float64), given)
        with products_in(dtype):
            computed = everything(module, params, x, given)
        for name, array in computed.items():
            error = np.abs(array.astype(np.float64) - expected[name]).max() / max(1.0, np.abs(expected[name]).max())
            if not error <= TOLERANCES[dtype]:
                raise AssertionError(f"{name} is {error:.1e} off, with{'out' if given is None else ''} lengths")


def repeats(module: ModuleType) -> None:
    """To the last bit."""
    given = numbers(module, "float32", 33, 12)
    first, second = everything(module, *given), everything(module, *given)
    for name, array in first.items():
        if not np.array_equal(array, second[name]):
            raise AssertionError(f"{name} differs from one call to the next")


def follows(module: ModuleType) -> None:
    """The input is filled on a stream that is kept busy; who works on another one reads what was there before."""
    cp = module.cp
    params, x, _ = numbers(module, "float32", 5, 12)
    expected = host(module.forward(params, x)[0])
    packed, wanted, given = module.pack(params), cp.asarray(x), cp.zeros(x.shape, "float32")
    busy = cp.ones((2048, 2048) if hasattr(cp, "get_default_memory_pool") else (8, 8), "float32")
    cp.cuda.runtime.deviceSynchronize()
    with cp.cuda.Stream(non_blocking=True) as stream:
        for _ in range(20):
            busy = cp.matmul(busy, busy) * np.float32(1e-4)
        given[...] = wanted
        outputs = module.forward(packed, given)[0]
        given[...] = np.float32(np.nan)  # on the stream: after the call has read it
        stream.synchronize()
        found = host(outputs)
    if not np.array_equal(found, expected):
        raise AssertionError("results on a stream of the caller differ")


def within(module: ModuleType) -> None:
    """Every launch of it becomes part of the caller's graph."""
    cp = module.cp
    params, x, _ = numbers(module, "float32", 5, 12)
    expected, packed, given = host(module.forward(params, x)[0]), module.pack(params), cp.asarray(x)
    cp.cuda.runtime.deviceSynchronize()
    with cp.cuda.Stream(non_blocking=True) as stream:
        module.forward(packed, given)
        stream.synchronize()
        stream.begin_capture()
        try:
            outputs = module.forward(packed, given)[0]
        finally:
            graph = stream.end_capture()
        graph.launch(stream)
        stream.synchronize()
    real = hasattr(cp, "get_default_memory_pool")  # where CuPy is played, assignments are not captured
    if real and not np.allclose(host(outputs), expected, atol=1e-5):
        raise AssertionError("a captured call gives other numbers")


def borrows(module: ModuleType) -> None:
    """Of PyTorch where it is there, else of anything with DLPack."""
    params, x, _ = numbers(module, "float32", 5, 12)
    expected, on_device = host(module.forward(params, x)[0]), module.cp.asarray(x)
    try:
        import torch
    except ImportError:
        torch = None
    there = torch is not None and (torch.cuda.is_available() or isinstance(on_device, np.ndarray))
    given = torch.from_dlpack(on_device) if torch is not None and there else _Exported(on_device)
    if not np.array_equal(host(module.forward(params, given)[0]), expected):
        raise AssertionError("an array of another library gives other numbers")


class _Exported:
    """An array that says nothing but where it is."""

    def __init__(self, array: Any) -> None:
        self._array, self.dtype, self.shape = array, array.dtype, array.shape

    def __dlpack__(self, **more: Any) -> Any:
        return self._array.__dlpack__(**more)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


EVERY = slice(None)


def run(give: Give, *, small: bool = False, own: slice = EVERY, say: Callable[[str], None] = print) -> int:
    """All checks, or some of them; how many failed."""
    failed = total = 0
    for name, check in list(checks(give, small=small))[own]:
        total += 1
        error = _failure(check)
        failed += error is not None
        say(f"{'ok    ' if error is None else 'FAILED'} {name}{'' if error is None else f': {error}'}")
    say(f"{total - failed} of {total} checks passed")
    return failed


def _failure(check: Callable[[], None]) -> str | None:
    try:
        check()
    except Exception as error:  # whatever it is, the other checks run
        return f"{type(error).__name__}: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("modules", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the checks")
    parser.add_argument("--job", type=int, help="the checks of one of them")
    options = parser.parse_args()
    if options.job is None and options.jobs > 1:
        return _shared(options.jobs)
    cupy = card()
    if cupy is None:
        return 1
    use(cupy, options.modules)
    if options.small:
        cupy.cuda.set_allocator(None)  # so that a tool sees the ends of each array
    own = slice(options.job or 0, None, options.jobs)
    failed = run(lambda cell, kind: load(options.modules, f"check_{cell}_{kind}"), small=options.small, own=own)
    return 1 if failed else 0


def _shared(jobs: int) -> int:
    """The same by several processes, for whom NumPy has one thread each."""
    command = [sys.executable, "-m", "benchmarks.device.checks", *sys.argv[1:]]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    found = [subprocess.Popen([*command, "--job", str(job)], env=alone) for job in range(jobs)]
    statuses = [process.wait() for process in found]
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
