"""`rnnc weights` in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weights.support import Weights


@pytest.fixture
def weights(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Weights:
    return Weights(tmp_path, capfd)
