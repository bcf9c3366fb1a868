"""Arrangements of weight layouts, as modules execute them: import undoes export, gradients are import's transpose."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import rnnc

PLAIN = {"x": "h.x", "h": "h.h", "bias": "h.bias", "scale": "scale"}
ARRANGED = {
    "plain": {},
    "transposed": {"x": "T(h.x)"},
    "reordered": {"x": "transpose(h.x, [1, 0])"},
    "reshaped": {"x": "reshape(h.x, [input * units])"},
    "affine": {"x": "2 * h.x + 1"},
    "negative": {"x": "-h.x"},
    "rows": {"x": "[[h.x], [h.h]]", "h": None},
    "unused": {"x": "[unused([input, 4], 7.0), h.x]"},
    "three places": {"bias": "[h.bias, h.bias, h.bias]"},
    "two arrays": {"bias": "h.bias", "bias2": "h.bias + 1"},
    "nested": {"x": "T([[3 - h.h / 2], [h.x]])", "h": None},
    "blocks": {"x": "[[h.x, -h.x], [h.h, h.h]]", "h": None},
    "fixed beside trained": {"bias": "[h.bias, scale]", "scale": None},
}
SIZES = {"input": 3, "units": 2}


def compiled(changes: dict[str, str | None]) -> ModuleType:
    entries = "\n".join(f'"{name}" = {text}' for name, text in {**PLAIN, **changes}.items() if text is not None)
    return rnnc.compile(f"""
cell Test(units) {{
  input x[input]
  state h[units]
  fixed scale[units] = 2.0
  h' = tanh(linear(x, h)) * scale
  output h'
  layout k {{
    {entries}
  }}
}}""")


def random_params(module: ModuleType, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {name: draw.normal(size=a.shape) for name, a in module.init_params(dtype="float64", **SIZES).items()}


@pytest.mark.parametrize("changes", ARRANGED.values(), ids=ARRANGED)
def test_import_undoes_export(changes: dict[str, str | None]) -> None:
    module = compiled(changes)
    params = random_params(module)
    back = module.from_layout("k", module.to_layout("k", params))
    assert back.keys() == params.keys()
    for name, value in params.items():
        np.testing.assert_allclose(back[name], value, rtol=0, atol=1e-15)


@pytest.mark.parametrize("changes", ARRANGED.values(), ids=ARRANGED)
def test_gradients_are_the_transpose_of_import(changes: dict[str, str | None]) -> None:
    """<import(a) - import(0), g> = <a, transpose(g)> for the linear part of import."""
    module = compiled(changes)
    params, gradients = random_params(module), random_params(module, 2)
    zeros = {name: np.zeros_like(a) for name, a in module.to_layout("k", params).items()}
    draw = np.random.default_rng(1)
    arrays = {name: draw.normal(size=a.shape) for name, a in zeros.items()}
    image, origin = module.from_layout("k", arrays), module.from_layout("k", zeros)
    left = sum(float(np.sum((image[name] - origin[name]) * gradients[name])) for name in params)
    found = module.grads_to_layout("k", params, gradients)
    right = sum(float(np.sum(arrays[name] * found[name])) for name in arrays)
    assert left == pytest.approx(right, rel=1e-12)


def test_arrays_are_what_the_layout_says() -> None:
    module = compiled(ARRANGED["nested"])
    params = random_params(module)
    expected = np.concatenate([3 - params["h.h"] / 2, params["h.x"]]).T
    np.testing.assert_allclose(module.to_layout("k", params)["x"], expected, rtol=0, atol=1e-15)


def test_two_foreign_biases_are_added_and_the_second_is_exported_as_zeros() -> None:
    module = compiled(ARRANGED["two arrays"])
    params = random_params(module)
    arrays = module.to_layout("k", params)
    np.testing.assert_array_equal(arrays["bias"], params["h.bias"])
    np.testing.assert_array_equal(arrays["bias2"], [1.0, 1.0])
    arrays |= {"bias": np.array([1.0, 2.0]), "bias2": np.array([11.0, 21.0])}
    np.testing.assert_array_equal(module.from_layout("k", arrays)["h.bias"], [11.0, 22.0])


def test_unused_numbers_are_exported_with_their_value_and_have_no_gradient() -> None:
    module = compiled(ARRANGED["unused"])
    params = random_params(module)
    assert (module.to_layout("k", params)["x"][:, :4] == 7.0).all()
    assert (module.grads_to_layout("k", params, params)["x"][:, :4] == 0.0).all()


def test_dtype_is_kept() -> None:
    module = compiled(ARRANGED["affine"])
    params = module.init_params(**SIZES)
    arrays = module.to_layout("k", params)
    assert {a.dtype for a in (*arrays.values(), *module.from_layout("k", arrays).values())} == {np.dtype("float32")}


def test_fixed_parameters_have_zero_foreign_gradients() -> None:
    module = compiled(ARRANGED["fixed beside trained"])
    params = random_params(module)
    trained = {name: np.ones_like(a) for name, a in params.items() if name != "scale"}
    np.testing.assert_array_equal(module.grads_to_layout("k", params, trained)["bias"], [1, 1, 0, 0])


GROUPS = """
cell Groups(units = 2) {
  input x[input]
  state h[units]
  let part = input // 2
  for g in 0..2 { a[g] = linear(x: x[input = g * part:(g + 1) * part], bias = false, out = units) }
  h' = tanh(a[0] + a[1] + linear(h))
  output h'
  layout k {
    "a" = [[a[0].x], [reshape(a[1].x, [input // 2, units])]]
    "h" = h.h
    "bias" = h.bias
  }
}
"""


def test_weights_that_hold_only_a_quotient_of_a_size() -> None:
    """Nothing tells whether `input` is 6 or 7, and nothing needs to."""
    module = rnnc.compile(GROUPS)
    params = {name: np.random.default_rng(0).normal(size=a.shape) for name, a in module.init_params(input=7).items()}
    arrays = module.to_layout("k", params)
    np.testing.assert_array_equal(arrays["a"], np.concatenate([params["a[0].x"], params["a[1].x"]]))
    back = module.from_layout("k", arrays)
    assert all(np.array_equal(back[name], value) for name, value in params.items())
    assert module.grads_to_layout("k", params, params)["a"].shape == (6, 2)
