"""Modules and tensors for the tests of `as_torch`, which are skipped where PyTorch is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rnnc
from rnnc.torch import as_torch

torch: Any = pytest.importorskip("torch")
EXAMPLES = Path(__file__).parents[2] / "examples"
SIZES = {"units": 4, "input": 3}


@cache
def compiled(example: str, *options: tuple[str, str], **how: Any) -> ModuleType:
    """An example, or a text, as a module of NumPy."""
    where = example if "{" in example else f"{EXAMPLES / example}"
    return rnnc.compile(where, options=dict(options), **how)


def net(example: str, *options: tuple[str, str], dtype: Any = torch.float64, **how: Any) -> Any:
    module = compiled(example, *options)
    sizes = {name: SIZES.get(name, 3) for name in module.SPEC["sizes"]}
    return as_torch(module, dtype=dtype, **sizes, **how)


def normal(*shape: int, seed: int = 0, dtype: Any = None, grad: bool = True) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype or torch.float64, requires_grad=grad)


def gradcheck(function: Callable[..., Sequence[Any]], *tensors: Any) -> bool:
    """PyTorch's own check against finite differences, in float64."""
    return torch.autograd.gradcheck(function, tensors)


def flat(results: tuple[Any, Any]) -> list[Any]:
    """The float tensors of outputs and final states."""
    found: list[Any] = []
    for part in results:
        found += part.values() if isinstance(part, dict) else [part]
    return [tensor for tensor in found if tensor.is_floating_point()]
