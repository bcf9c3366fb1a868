"""Running `rnnc weights`, and files to run it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rnnc.cli.app import run
from rnnc.weights import containers
from tests.numpy.support import EXAMPLES
from tests.weights.libraries import Case, Result, load

GRU, LSTM = EXAMPLES / "gru.rnn", EXAMPLES / "lstm.rnn"


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


class Weights:
    """`rnnc weights …` in this process and a folder of its own."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capfd = folder, capfd

    def __call__(self, *arguments: str | Path) -> Done:
        status = run(["weights", *map(str, arguments)])
        out, err = self._capfd.readouterr()
        return Done(status, out, err)

    def convert(self, source: Path, name: str, *arguments: str | Path) -> dict[str, np.ndarray]:
        """The arrays in the file of that name."""
        done = self("convert", source, self.folder / name, *arguments)
        assert done.status == 0, done.err
        return dict(containers.read(self.folder / name).arrays)

    def refused(self, source: Path, *arguments: str | Path) -> str:
        """What is said; nothing is written."""
        done = self("convert", source, self.folder / "refused.npz", *arguments)
        assert (done.status, done.out) == (1, ""), done
        assert "Traceback" not in done.err
        assert not (self.folder / "refused.npz").exists()
        return done.err

    def file(self, name: str, arrays: Mapping[str, np.ndarray]) -> Path:
        """A file of arrays, by its ending."""
        path = self.folder / name
        for suffix, data in containers.write(path, arrays).items():
            Path(f"{path}{suffix}").write_bytes(data)
        return path


def recorded(case: Case) -> Result:
    return load(case)


def same(found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], atol: float = 1e-12) -> None:
    """The same arrays under the same names, whatever the order."""
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=atol, err_msg=name)
