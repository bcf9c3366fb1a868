"""The text itself: Python 3.6, symbols that old and new TensorFlow have, always the same; no name smuggles anything."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnnc.backends.tensorflow import emit
from rnnc.resources import resource_path
from rnnc.runtime import load_module
from tests.numpy.test_text import NASTY, unit
from tests.tensorflow.support import EXAMPLES, compiled

HERE = Path(__file__).parent
KNOWN = set((HERE / "symbols.txt").read_text().split("\n")[1:])
SYMBOL = re.compile(r"\btf\.[A-Za-z_][\w.]*\w")

EVERYTHING = [
    ("lstm", {"peepholes": "true", "proj": "3", "proj_clip": "0.2"}),
    ("classifier", {}),
    ("dropout", {"inner": "LSTM(4)", "input_keep": "0.7", "mask": "sequence"}),
    ("conv_lstm:ConvLSTM2D", {}),
    ("sru", {}),
    ("phased_lstm", {}),
    ("bidirectional:StackedBidirectional", {}),
]


@pytest.mark.parametrize(("example", "options"), EVERYTHING, ids=lambda p: p if isinstance(p, str) else "")
def test_text_is_python_3_6_of_known_symbols(example: str, options: dict[str, str]) -> None:
    text = compiled(example, **options).text
    tree = ast.parse(text, feature_version=(3, 6))
    used = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    used = {name for name in used if re.fullmatch(r"tf(\.\w+)+", name)}
    assert len(used) > 20
    assert used <= KNOWN


def test_all_templates_and_spellings_use_known_symbols() -> None:
    files = [*resource_path("templates/tensorflow/helpers.py").parent.glob("*.py")]
    files += (HERE.parents[1] / "rnnc" / "backends" / "tensorflow").rglob("*.py")
    used = {name for file in files for name in SYMBOL.findall(file.read_text())}
    assert len(used) > 60
    assert used <= KNOWN


@pytest.mark.parametrize("part", ["common", "tensorflow"])
def test_templates_are_python_3_6(part: str) -> None:
    for file in (resource_path("templates/tensorflow/helpers.py").parents[1] / part).glob("*.py"):
        ast.parse(file.read_text(), feature_version=(3, 6))


def test_nothing_but_tensorflow_and_numpy_is_imported() -> None:
    """Keras only in functions that need it."""
    tree = ast.parse(compiled("lstm").text)
    late = {a.name for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for a in imports(f)}
    assert late == {"difflib", "keras"}
    assert {a.name for a in imports(tree)} - late == {
        "collections",
        "numpy",
        "os",
        "random",
        "sys",
        "tensorflow.compat.v1",
    }
    assert not any(isinstance(n, ast.ImportFrom) for n in ast.walk(tree))


def imports(tree: ast.AST) -> list[ast.alias]:
    return [a for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]


def test_same_text_in_another_process() -> None:
    code = (
        "import sys; from rnnc.compiler import compile_source as c; from rnnc.syntax.source import read_source as r; "
    )
    code += "sys.stdout.write(c(r(sys.argv[1]), target='tf').text)"
    command = [sys.executable, "-c", code, str(EXAMPLES / "lstm.rnn")]
    for seed in ("1", "2"):
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=EXAMPLES.parent, env={"PYTHONHASHSEED": seed}
        )
        assert done.stdout == compiled("lstm").text


@pytest.mark.parametrize("shift", range(len(NASTY)))
def test_names_stay_names(shift: int) -> None:
    """The module of a unit with nasty names can be imported, and names everything as the unit does."""
    found = unit(NASTY[shift:] + NASTY[:shift])
    module = load_module(emit(found).text, found.model.name)
    assert list(module.SPEC["parameters"]) == [p.name for p in found.model.parameters]
    assert list(module.SPEC["outputs"]) == [p.name for p in found.model.outputs]


def test_old_tensorflow_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow.compat.v1", None)
    monkeypatch.delitem(sys.modules, "tensorflow.compat", raising=False)
    with pytest.raises(ImportError, match=r"needs TensorFlow 1\.15 or later: pip install tensorflow"):
        exec(compiled("lstm").text, {})
