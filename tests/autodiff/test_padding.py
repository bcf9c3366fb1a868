"""What lies past a row's length changes no gradient, whatever it is, and gets none."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.autodiff import Save, differentiate
from rnnc.ir.program import Op, Port, Program, walk
from tests.autodiff.harness import Array, Case, case
from tests.autodiff.zoo import ZOO

SAVES: tuple[Save, ...] = ("all", "states", 2)
LENGTHS = (5, 0, 3, 1)
# The sequences of these programs are read or given out without regard to lengths: there the padding is data.
UNMASKED = {"rnn_without_lengths", "single_step"}


def _padded(port: Port, array: Array, filler: float) -> Array:
    """Of what has one value per row, rows without steps are padding."""
    changed = np.array(array)
    for row, length in enumerate(LENGTHS):
        if port.value.type.time:
            changed[length:, row] = filler
        elif length == 0:
            changed[row] = filler
    return changed


def _with_padding(subject: Case, filler: float) -> Case:
    inputs = {(p.role, p.name): p for p in subject.program.inputs_of("input")}
    arrays = {
        key: _padded(inputs[key], array, filler) if key in inputs and array is not None else array
        for key, array in subject.arrays.items()
    }
    return Case(subject.program, arrays, subject.cotangents)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", sorted(set(ZOO) - UNMASKED))
def test_padding_changes_no_gradient(name: str, save: Save) -> None:
    subject = case(ZOO[name](), time=5, lengths=LENGTHS)
    both = differentiate(subject.program, save)
    expected = subject.gradients(both)
    assert all(np.isfinite(array).all() for array in expected.values())
    for filler in (3.0, 0.0, -1e300, np.inf, np.nan):
        found = _with_padding(subject, filler).gradients(both)
        for source, array in expected.items():
            np.testing.assert_array_equal(found[source], array, err_msg=f"{source} with {filler}")


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", sorted(set(ZOO) - UNMASKED))
def test_padding_gets_no_gradient(name: str, save: Save) -> None:
    subject = case(ZOO[name](), time=5, lengths=LENGTHS)
    found = subject.gradients(differentiate(subject.program, save))
    for port in subject.program.inputs_of("input"):
        gradient = found[f"input:{port.name}"]
        np.testing.assert_array_equal(gradient, _padded(port, gradient, 0.0))


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ["rnn", "lstm_peepholes_fused", "gru", "captured_contexts", "delicate"])
def test_cotangents_past_the_lengths_are_not_read(name: str, save: Save) -> None:
    subject = case(ZOO[name](), time=5, lengths=LENGTHS)
    both = differentiate(subject.program, save)
    expected = subject.gradients(both)
    spoilt = {
        f"output:{port.name}": _padded(port, subject.cotangents[f"output:{port.name}"], np.nan)
        for port in subject.program.outputs_of("output")
        if port.value.type.time
    }
    found = Case(subject.program, subject.arrays, {**subject.cotangents, **spoilt}).gradients(both)
    for source, array in expected.items():
        np.testing.assert_array_equal(found[source], array)


def _masks(program: Program) -> list[str]:
    return [n.name for n in walk(program.nodes) if isinstance(n, Op) and n.name in ("masked", "fill_past")]


def test_masks_stand_only_where_they_are_needed() -> None:
    """An LSTM masks its two states' and two outputs' cotangents, and its input, once, outside the loop."""
    backward = differentiate(ZOO["lstm_peepholes_fused"](), "all").backward
    assert _masks(backward).count("masked") == 3  # h and its sequence are one value
    assert [n.name for n in backward.nodes if isinstance(n, Op) and n.name == "fill_past"] == ["fill_past"]
    assert not _masks(differentiate(ZOO["rnn_without_lengths"](), "all").backward)
