"""Running the command line in this process, as the console script would."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from rnnc.cli.app import run
from tests.cli.support import LSTM, Result, RunRnnc


@pytest.fixture
def rnnc(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> RunRnnc:
    """Call it with arguments (and bytes of standard input); streams are no terminals."""

    def call(*arguments: str | Path, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = run(list(map(str, arguments)))
        out, err = capfdbinary.readouterr()
        return Result(status, out.decode(), err.decode())

    return call


@pytest.fixture
def lstm() -> Path:
    """The LSTM of the examples."""
    return Path(LSTM)
