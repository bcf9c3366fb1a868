"""The tutorials' classifier in graph mode, around a generated cell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_it_learns_real_digits() -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, str(ROOT / "examples" / "digits_tf.py"), "--epochs", "25"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"test accuracy: ([\d.]+)%", done.stdout)
    assert found is not None, done.stdout
    assert float(found[1]) >= 85
