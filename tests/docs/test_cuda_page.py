"""The example of docs/cuda.md runs as it is printed, with the kernels on the CPU."""

from __future__ import annotations

import re

import numpy as np

from rnnc.compiler import compile_source
from rnnc.simulator.loader import load
from rnnc.syntax.source import read_source
from tests.cuda.support import needs_compiler
from tests.docs.pages import ROOT


@needs_compiler
def test_the_example_runs() -> None:
    page = (ROOT / "docs" / "cuda.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    source = read_source(ROOT / "examples" / "lstm.rnn")
    module = load(compile_source(source, None, {}, target="cuda").text, "lstm")
    code = example[1].replace("import cupy as cp\nimport lstm_cuda\n", "")
    assert "import" not in code
    code = code.replace("(32, 100, 40)", "(2, 3, 40)")  # the CPU is slow
    space = {"cp": module.cp, "lstm_cuda": module, "x": np.ones((2, 3, 40), "float32")}
    space["d_outputs"] = np.ones((2, 3, 256), "float32")
    exec(code, space)
    assert space["outputs"].shape == (2, 3, 256)
    assert space["gradients"]["params"]["i.x"].shape == (40, 256)
