"""What running a command gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LSTM = str(Path(__file__).resolve().parents[2] / "examples" / "lstm.rnn")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


RunRnnc = Callable[..., Result]
