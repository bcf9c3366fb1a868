"""Has the reference library record cases, in a process of its own: a session of Keras 3 is not to be disturbed.

`tf.nn.rnn_cell` of the current TensorFlow needs the package tf-keras and an environment variable that is read at
import; both are that process's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from rnnc.verify.errors import VerifyError
from rnnc.verify.live.constructors import LIBRARIES
from rnnc.verify.live.request import Tree
from rnnc.verify.records.recording import Recording, load_recording

ROOT = Path(__file__).resolve().parents[3]  # what holds the package rnnc
MODULE = "rnnc.verify.live.child"  # the program of that process


@dataclass(frozen=True)
class RecordedCase:
    """One recording to make: `tree` by `driver`, on rows and steps of inputs [*features].

    `lengths`: valid steps per row; `state`: a random initial state is given; `seeded`: dropout wrappers draw the same
    masks for the same case (in static drivers then the same ones at every step).
    """

    name: str
    library: str
    tree: Tree
    driver: str
    dtype: str
    steps: int
    rows: int
    features: tuple[int, ...]
    lengths: tuple[int, ...] | None = None
    state: bool = False
    time_major: bool = False
    seeded: bool = False
    seed: int = 0


def record(cases: Sequence[RecordedCase], folder: Path) -> dict[str, Recording]:
    """Recordings by the names of cases; files are put into `folder`. E807: the library is missing, or fails."""
    for library in dict.fromkeys(case.library for case in cases):
        _check_installed(library)
    job = folder / "job.json"
    job.write_text(json.dumps([asdict(case) for case in cases]), encoding="utf-8")
    command = [sys.executable, "-m", MODULE, str(job), str(folder)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VerifyError("E807", "the reference could not be run", notes=_last_error(done.stderr))
    return {case.name: load_recording(folder / f"{case.name}.npz") for case in cases}


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "TF_USE_LEGACY_KERAS": "1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONSAFEPATH": "1",  # no module of the present folder stands in for one of theirs
        "CUDA_VISIBLE_DEVICES": "-1",  # float64 to 1e-10, and float32 without the short products of GPUs
    }


def _check_installed(library: str) -> None:
    about = LIBRARIES[library]
    missing = [name for module, name in about.packages.items() if find_spec(module) is None]
    if missing:
        raise VerifyError("E807", f"{about.about} need {' and '.join(missing)}", fix=f"pip install {' '.join(missing)}")


def _last_error(text: str) -> list[str]:
    """The beginning of the message of the exception that ended a program."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # without colours
    lines = [line for line in plain.splitlines() if line.strip()]
    heads = [at for at, line in enumerate(lines) if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return lines[heads[-1] :][:3] if heads else lines[-3:]
