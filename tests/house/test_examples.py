"""The example that trains: on real scans to the accuracy that it promises, and on files as MNIST comes in."""

from __future__ import annotations

import gzip
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def digits(*arguments: str | Path) -> float:
    """The accuracy that the script prints."""
    command = [sys.executable, ROOT / "examples" / "digits.py", *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"test accuracy: ([\d.]+)%", done.stdout)
    assert found is not None, done.stdout
    return float(found[1]) / 100


def write_idx(path: Path, array: np.ndarray) -> None:
    """An array of bytes as MNIST stores it; compressed where the name says so."""
    data = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_it_learns_real_digits() -> None:
    assert digits() >= 0.96


def test_it_takes_a_cell_whose_file_imports_others(tmp_path: Path) -> None:
    """A cell around a cell, of a file that stands elsewhere and imports both."""
    imports = "\n".join(f'import "{(ROOT / "examples" / name).as_posix()}"' for name in ("wrappers.rnn", "gru.rnn"))
    (tmp_path / "mine.rnn").write_text(
        f"{imports}\ncell Mine = OutputProjection(inner = GRU(24), size = 12) with {{ }}\n", encoding="utf-8"
    )
    assert digits("--cell", tmp_path / "mine.rnn", "-D", "activation=tanh", "--epochs", "10") > 0.5


def test_a_cell_without_units_and_one_that_is_wrong(tmp_path: Path) -> None:
    """`units` is bound where a cell has it; what is wrong is a message, not a traceback."""
    file = tmp_path / "mine.rnn"
    file.write_text("cell Mine {\n  input x[input]\n  use f = GRU(8)\n  y = f(x)\n  output y\n}\n", encoding="utf-8")
    assert digits("--cell", file, "--epochs", "1") > 0.1
    command = [sys.executable, str(ROOT / "examples" / "digits.py"), "--cell", f"{file}:Nine"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{file}:Nine: E241 there is no cell or network `Nine` in this file (did you mean `Mine`?)\n"


def test_it_reads_idx_files_and_takes_another_cell(tmp_path: Path) -> None:
    """Rows of light in one of four places: easy, if labels and images stay together."""
    generator = np.random.default_rng(0)
    for part, count, suffix in (("train", 400, ".gz"), ("t10k", 100, "")):
        labels = generator.integers(0, 4, count).astype(np.uint8)
        images = generator.integers(0, 60, (count, 12, 10)).astype(np.uint8)
        images[np.arange(count), 3 * labels, :] = 255
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{suffix}", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{suffix}", labels)
    cell = f"{ROOT / 'examples' / 'gru.rnn'}:GRU"
    assert digits("--mnist", tmp_path, "--cell", cell, "-D", "units=16", "-D", "reset=after", "--epochs", "20") >= 0.95
