"""Layouts executed on arrays: import, export, transpose."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.ir.layout import Affine, Arrangement, Cat, Leaf, Reshaped, Transposed, Unused
from rnnc.ir.model import Model
from rnnc.ir.size import Size
from rnnc.verify.arrange import export_arrays, find_layout, foreign_gradients, import_arrays, layout_equations
from rnnc.verify.errors import VerifyError
from rnnc.verify.sizes import solve
from tests.verify.models import INPUT, UNITS, foreign, layout, model, parameter

SIZES = {"input": 3, "units": 2}
SHAPES = {"w": (INPUT, UNITS), "u": (UNITS, UNITS), "b": (UNITS,)}
BLOCKS = Cat(-2, (Cat(-1, (Leaf("w"), Affine(Leaf("w"), -1.0, 0.0))), Cat(-1, (Leaf("u"), Leaf("u")))))


def case(value: Arrangement, *shape: Size | int, names: str = "w") -> Model:
    return model(*(parameter(n, *SHAPES[n]) for n in names), layouts=(layout(foreign("k", value, *shape)),))


CASES = [
    case(Leaf("w"), INPUT, UNITS),
    case(Transposed(Leaf("w"), (1, 0)), UNITS, INPUT),
    case(Reshaped(Leaf("w"), (INPUT * UNITS,), (INPUT, UNITS)), INPUT * UNITS),
    case(Affine(Leaf("w"), 2.0, 1.0), INPUT, UNITS),
    case(Cat(0, (Leaf("w"), Leaf("u"))), INPUT + UNITS, UNITS, names="wu"),
    case(Cat(1, (Unused((INPUT, Size.of(4)), 7.0), Leaf("w"))), INPUT, UNITS + 4),
    case(Cat(0, (Leaf("b"), Leaf("b"), Leaf("b"))), 3 * UNITS, names="b"),
    case(Transposed(Cat(0, (Affine(Leaf("u"), -0.5, 3.0), Leaf("w"))), (1, 0)), UNITS, INPUT + UNITS, names="wu"),
    case(BLOCKS, INPUT + UNITS, 2 * UNITS, names="wu"),
]


def random_params(cell: Model, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {p.name: draw.normal(size=[a.size.evaluate(SIZES) for a in p.axes]) for p in cell.parameters}


@pytest.mark.parametrize("cell", CASES)
def test_import_undoes_export(cell: Model) -> None:
    params = random_params(cell)
    arrays = export_arrays(cell, cell.layouts[0], params, SIZES)
    assert arrays["k"].shape == tuple(s.evaluate(SIZES) for s in cell.layouts[0].arrays[0].shape)
    back = import_arrays(cell, cell.layouts[0], arrays, SIZES)
    assert back.keys() == params.keys()
    for name, value in params.items():
        np.testing.assert_allclose(back[name], value, rtol=0, atol=1e-15)


@pytest.mark.parametrize("cell", CASES)
def test_gradients_are_the_transpose_of_import(cell: Model) -> None:
    """<import(a) - import(0), g> = <a, transpose(g)> for the linear part of import."""
    found = cell.layouts[0]
    shape = tuple(s.evaluate(SIZES) for s in found.arrays[0].shape)
    foreign_array = np.random.default_rng(1).normal(size=shape)
    g = random_params(cell, 2)
    image, origin = (import_arrays(cell, found, {"k": a}, SIZES) for a in (foreign_array, np.zeros(shape)))
    left = sum(float(np.sum((image[n] - origin[n]) * g[n])) for n in g)
    right = float(np.sum(foreign_array * foreign_gradients(cell, found, g, SIZES)["k"]))
    assert left == pytest.approx(right, rel=1e-12)


def test_two_foreign_biases_are_added_and_the_second_is_exported_as_zeros() -> None:
    two = layout(foreign("b_ih", Leaf("b"), UNITS), foreign("b_hh", Leaf("b"), UNITS))
    cell = model(parameter("b", UNITS), layouts=(two,))
    arrays = {"b_ih": np.array([1.0, 2.0]), "b_hh": np.array([10.0, 20.0])}
    np.testing.assert_array_equal(import_arrays(cell, two, arrays, SIZES)["b"], [11.0, 22.0])
    exported = export_arrays(cell, two, {"b": np.array([3.0, 4.0])}, SIZES)
    np.testing.assert_array_equal(exported["b_ih"], [3.0, 4.0])
    np.testing.assert_array_equal(exported["b_hh"], [0.0, 0.0])


def test_unused_numbers_are_exported_with_their_value_and_have_no_gradient() -> None:
    cell = CASES[5]
    exported = export_arrays(cell, cell.layouts[0], random_params(cell), SIZES)
    assert (exported["k"][:, :4] == 7.0).all()
    assert (foreign_gradients(cell, cell.layouts[0], random_params(cell), SIZES)["k"][:, :4] == 0.0).all()


def test_dtype_is_kept() -> None:
    cell = case(Affine(Leaf("w"), 2.0, 1.0), INPUT, UNITS)
    arrays = {"k": np.ones((3, 2), np.float32)}
    assert import_arrays(cell, cell.layouts[0], arrays, SIZES)["w"].dtype == np.float32


def test_fixed_parameters_have_zero_foreign_gradients() -> None:
    both = layout(foreign("k", Cat(0, (Leaf("w"), Leaf("u"))), INPUT + UNITS, UNITS))
    cell = model(parameter("w", INPUT, UNITS), parameter("u", UNITS, UNITS, trained=False), layouts=(both,))
    found = foreign_gradients(cell, both, {"w": np.ones((3, 2))}, SIZES)["k"]
    np.testing.assert_array_equal(found, [[1, 1]] * 3 + [[0, 0]] * 2)


def test_sizes_come_from_foreign_shapes() -> None:
    cell = CASES[8]
    arrays = export_arrays(cell, cell.layouts[0], random_params(cell), SIZES)
    assert solve(layout_equations(cell.layouts[0], arrays), cell.sizes) == SIZES


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "needs the array 'k'"),
        ({"kk": np.ones((3, 2))}, "needs the array 'k'"),
        ({"k": np.ones((3, 2)), "extra": np.ones(1)}, "knows no array 'extra'"),
        ({"k": np.ones((2, 3))}, "has shape \\(2, 3\\); \\[input, units\\] is \\(3, 2\\)"),
    ],
)
def test_wrong_arrays_are_named(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(VerifyError, match=message):
        import_arrays(CASES[0], CASES[0].layouts[0], arrays, SIZES)


def test_wrong_rank_is_named_before_sizes_are_solved() -> None:
    with pytest.raises(VerifyError, match="'k' has shape \\(6,\\); the layout says \\[input, units\\]"):
        list(layout_equations(CASES[0].layouts[0], {"k": np.ones(6)}))


def test_an_incomplete_layout_is_refused() -> None:
    cell = model(parameter("w", INPUT, UNITS), layouts=(layout(missing=("i.h",)),))
    with pytest.raises(VerifyError, match=r"does not fit Test: i\.h"):
        find_layout(cell, "tf")


def test_an_unknown_layout_names_the_known_ones() -> None:
    with pytest.raises(VerifyError, match="no layout 'tff' \\(did you mean 'tf'\\?\\); it has tf"):
        find_layout(CASES[0], "tff")
