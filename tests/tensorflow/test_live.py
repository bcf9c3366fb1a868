"""Generated modules against the live cells of tf.nn: a cover of all pairs of what benchmarks/tf_matrix.py combines."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from rnnc.verify.report import Row
from tests.support.tf_matrix import CELLS, Combination, cover, run
from tests.tensorflow.support import tf

assert tf  # without TensorFlow this file is skipped
pytestmark = [
    pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf.nn.rnn_cell needs the package tf-keras"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:UserWarning"),
]
COVER = cover()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Combination, Row]:
    """All comparisons: one process records every reference."""
    return dict(run(COVER, tmp_path_factory.mktemp("live")))


@pytest.mark.parametrize("combination", COVER, ids=str)
def test_module_computes_what_the_live_cell_does(combination: Combination, found: dict[Combination, Row]) -> None:
    assert found[combination].passed, found[combination]


def test_every_cell_is_covered() -> None:
    assert {combination.cell for combination in COVER} == CELLS.keys()
