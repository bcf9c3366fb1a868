"""`rnnc verify --target tf` on the examples, and their modules against what the real TensorFlow 1.15 computed."""

from __future__ import annotations

import pytest

from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_against, verify_source
from tests.support.examples import OPTIONS, parameters
from tests.tensorflow.support import EXAMPLES, tf
from tests.verify.cases import CASES, Case

assert tf  # without TensorFlow this file is skipped
GOLDEN = EXAMPLES.parent / "tests" / "golden"


# Their operations are among those of the other examples and of tests/tensorflow/test_operations.py.
IMPLIED = frozenset({"delta_net:GatedDeltaNet", "gru_d", "mamba:Mamba", "phased_lstm"})
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if isinstance(name, str) and name in IMPLIED else name
    for name in parameters()
]


@pytest.mark.parametrize("example", NAMES)
def test_module_computes_what_the_description_says(example: str) -> None:
    file, _, name = example.partition(":")
    report = verify_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, OPTIONS.get(example), target="tf")
    assert report.passed, report.failures


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.golden)
def test_module_computes_what_tensorflow_did(case: Case) -> None:
    """Every recording that the NumPy target passes, the training runs with all losses of Adam among them."""
    file, _, name = case.example.partition(":")
    source = read_source(EXAMPLES / file)
    report = verify_against(source, GOLDEN / f"{case.golden}.npz", name or None, case.options, target="tf")
    assert report.passed, report.failures
