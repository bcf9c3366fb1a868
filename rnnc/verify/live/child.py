"""The process that records: `python -m rnnc.verify.live.child JOB.json FOLDER`, an .npz per case and a manifest."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rnnc.verify.live.constructors import LIBRARIES

Case = dict[str, Any]  # a RecordedCase, as JSON has it


def main(job: str, folder: str) -> None:
    """Record all cases of a job."""
    cases: list[Case] = json.loads(Path(job).read_text(encoding="utf-8"))
    manifest: dict[str, Any] = {}
    for case in cases:
        module = LIBRARIES[case["library"]].recorder
        recorded: Callable[[Case], dict[str, Any]] = import_module(f"rnnc.verify.live.{module}").recorded
        try:
            arrays = recorded(case)
        except Exception as error:
            raise RuntimeError(f"{case['name']} by {case['driver']}: {error}") from error
        np.savez(Path(folder) / f"{case['name']}.npz", **arrays)
        manifest[case["name"]] = {
            "time_major": case["time_major"],
            "initial_state": "random" if any(key.startswith("state0:") for key in arrays) else "None",
        }
    (Path(folder) / "manifest.json").write_text(json.dumps({"cases": manifest}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
