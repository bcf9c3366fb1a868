"""The stand-in has nothing that CuPy has not: whoever runs on the one must run on the other."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rnnc.simulator.driver import DeviceModel

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "cuda"
LIBRARY = "cuda.cublas.__file__"  # of a library that a machine without a device need not have


@pytest.fixture(scope="module")
def cupy() -> ModuleType:
    """CuPy itself, which can be imported without a device."""
    return pytest.importorskip("cupy")


def test_attributes_of_a_device_are_cupys(cupy: Any) -> None:
    prefix = "cudaDevAttr"
    known = {name.removeprefix(prefix) for name in vars(cupy.cuda.runtime) if name.startswith(prefix)}
    assert set(DeviceModel().attributes()) <= known


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.py")), ids=lambda path: path.name)
def test_names_in_templates_are_cupys(path: Path, cupy: Any) -> None:
    text = path.read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"\bcp\.(\w+(?:\.\w+)*)", text)) - {LIBRARY}):
        found = cupy
        for part in name.split("."):
            assert hasattr(found, part), f"CuPy has no {name}"
            found = getattr(found, part)
