"""Every example of docs/tensorflow.md runs as it is printed; what its tables promise compiles."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rnnc.cli.app import run
from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from rnnc.syntax.source import read_source, split_name
from tests.docs.pages import ROOT, Command, commands, fences, page, session, write_files

PAGE = page("tensorflow.md")
ROWS = re.findall(r"^\| `(\w[^|]*\(.*\))` \| `(\w+\.rnn.*)` \|$", PAGE, re.MULTILINE)

LOADED = """
import sys
sys.modules["rnnc"] = sys.modules["tagger"] = None
import numpy as np, tensorflow as tf
lengths = np.array([7, 5, 1, 0], np.int32)
served = tf.saved_model.load("served")(np.load("x.npy"), lengths)
assert np.array_equal(served, np.load("expected.npy"))
"""


def test_the_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """… and the SavedModel that they write serves the same numbers where there is neither rnnc nor the module."""
    pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    write_files(PAGE, tmp_path)
    for fence in fences(PAGE):
        for command in commands(fence) if fence.language == "console" else ():
            assert run(command.arguments[1:]) == command.status, command
    examples = session(PAGE, "tensorflow.md").examples
    assert len(examples) > 25
    saved = 'np.save("x.npy", x)\nnp.save("expected.npy", server(x, tf.constant([7, 5, 1, 0])))\n'
    (tmp_path / "page.py").write_text("".join(map(_statement, examples)) + saved, encoding="utf-8")
    printed = _python(tmp_path, "page.py").split(MARK)
    for example, output in zip((e for e in examples if e.want), printed[1:], strict=True):
        wanted = example.want if example.exc_msg is None else example.exc_msg
        assert Command((), 0, wanted.strip()).prints(output.strip() + "\n"), (example.source, output)
    _python(tmp_path, "-c", LOADED)


MARK = "\f"


def _statement(example: doctest.Example) -> str:
    """An example as lines of a script: TensorFlow wants to see the source of functions, which doctest hides from it."""
    if not example.want:
        return example.source
    source = example.source.rstrip()
    if example.exc_msg is None:
        return f"print({MARK!r} + repr((\n{source}\n)))\n"
    told = '(type(e).__module__ + "." + type(e).__name__ + ": " + str(e).replace("\\n", " "))'
    return f"try:\n    {source}\nexcept Exception as e:\n    print({MARK!r} + {told})\n"


def _python(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_is_a_table() -> None:
    assert len(ROWS) >= 35


@pytest.mark.parametrize(("call", "line"), ROWS, ids=[call for call, _ in ROWS])
def test_the_table_compiles(call: str, line: str) -> None:
    """… and its calls are calls, of which the importer knows the arguments."""
    assert import_call(Source("call.py", call.replace("`, `", "\n"))).text
    file, *words = shlex.split(line)
    path, name = split_name(str(ROOT / "examples" / file))
    options = dict(word.partition("=")[::2] for word in words if word != "-D")
    assert model_of(read_source(path), name, options).outputs
