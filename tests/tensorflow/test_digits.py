"""The tutorials' classifier in graph mode, around a generated cell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


# Accuracies of 70% and 96% after 6 and 25 epochs, when these lines were written.
@pytest.mark.parametrize(("epochs", "accuracy"), [(6, 60), pytest.param(25, 85, marks=pytest.mark.slow)])
def test_it_learns_real_digits(epochs: int, accuracy: int) -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, str(ROOT / "examples" / "digits_tf.py"), "--epochs", str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"test accuracy: ([\d.]+)%", done.stdout)
    assert found is not None, done.stdout
    assert float(found[1]) >= accuracy
