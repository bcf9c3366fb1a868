"""Generated modules under TensorFlow 1.15: `python -m benchmarks.tf_old --python PATH [--record]`.

PATH is a Python that has TensorFlow 1.15 (3.7, `pip install tensorflow==1.15.5 'protobuf<3.21'`). Each entry of the
gallery is run there in a graph and a session, in float64: both drivers, rnnc's own gradients and TensorFlow's, lengths
and none, masks where it draws some; outputs, final states and all gradients are compared with those of the NumPy
module, which this Python has computed. Exit status 1 where a comparison fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.gallery_cells import ENTRIES, Entry
from rnnc import __version__
from rnnc.compiler import compile_source, model_of
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source
from rnnc.verify.arrays import Arrays
from rnnc.verify.proving.sample import Draw, choose_sizes
from rnnc.verify.running.runner import ModuleRunner

ROOT = Path(__file__).resolve().parents[1]
CHILD = ROOT / "benchmarks" / "tf_old_child.py"
RESULTS = ROOT / "benchmarks" / "results"
STEPS, BATCH = 4, 4


def write_case(entry: Entry, folder: Path) -> None:
    """A module for TensorFlow, arguments, and what the NumPy module makes of them."""
    source = read_source(ROOT / "examples" / entry.file)
    model = model_of(source, entry.name, entry.checked)
    texts = {t: compile_source(source, entry.name, entry.checked, target=t).text for t in ("numpy", "tf")}
    runner = ModuleRunner(model, load_module(texts["numpy"], entry.slug))
    draw = Draw(model, choose_sizes(model, {}), 0)
    sample = draw.sample(runner, runner.init_params(0, "float64", draw.sizes), STEPS, BATCH)
    masks, lengths = draw.masks(STEPS, BATCH), draw.lengths(STEPS, BATCH)
    (folder / f"{entry.slug}_tf.py").write_text(texts["tf"], encoding="utf-8")
    for cut in (False, True):
        call = sample.call.with_(masks=masks, lengths=lengths if cut else None)
        results, tape = runner.forward_train(call)
        found = runner.backward(call, tape, sample.d_outputs, sample.d_state)
        arrays = {
            **_named("param", call.params), **_named("input", call.inputs), **_named("state", call.state or {}),
            **_named("mask", masks or {}), **({"lengths": lengths} if cut else {}),
            **_named("cotangent:output", sample.d_outputs), **_named("cotangent:state", sample.d_state),
            **_named("result:output", results.outputs), **_named("result:state", results.state),
            **_named("gradient:param", found.params), **_named("gradient:input", found.inputs),
            **_named("gradient:state", found.state),
        }  # fmt: skip
        np.savez(folder / f"{entry.slug}_{'lengths' if cut else 'full'}.npz", **arrays)


def _named(role: str, arrays: Arrays) -> Arrays:
    return {f"{role}:{name}": array for name, array in arrays.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--python", required=True, metavar="PATH", help="a Python that has TensorFlow 1.15")
    parser.add_argument("--record", action="store_true", help=f"keep the table in {RESULTS.name}/")
    parser.add_argument("entries", nargs="*", help="names of pages of the gallery; all without")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for entry in ENTRIES:
            if not options.entries or entry.slug in options.entries:
                write_case(entry, Path(folder))
        child = subprocess.Popen([options.python, str(CHILD), folder], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines: list[str] = []
        for line in child.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
        status = child.wait()
    if options.record and lines:
        record(*lines)
    return status


def record(versions: str, *rows: str) -> None:
    """Write the table."""
    date = datetime.now().astimezone().date().isoformat()
    text = [
        "# Generated modules under TensorFlow 1.15",
        "",
        f"{date}, rnnc {__version__}, {versions}.",
        "Each module in a graph and a session, in float64: outputs, final states, gradients against the NumPy module,",
        "with lengths and without. A figure is the largest max|a - b| / max(1, max|b|) of a driver.",
        "",
        "| cell | comparisons | dynamic, own gradients | dynamic | static |",
        "|---|--:|--:|--:|--:|",
        *rows,
    ]
    (RESULTS / "tf_old.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
