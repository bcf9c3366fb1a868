"""Weights of other libraries: import, export, gradients, and what is said when arrays do not fit."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import rnnc
from tests.numpy.support import EXAMPLES

INPUT, UNITS = 3, 4


@pytest.fixture(scope="module")
def lstm() -> ModuleType:
    return rnnc.compile(EXAMPLES / "lstm.rnn")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"lstm_cell/kernel": (INPUT + UNITS, 4 * UNITS), "lstm_cell/bias": (4 * UNITS,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def test_import_and_export(lstm: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    params = lstm.from_layout("tf", arrays)
    kernel = arrays["lstm_cell/kernel"]
    assert np.array_equal(params["j.x"], kernel[:INPUT, UNITS : 2 * UNITS])
    assert np.array_equal(params["o.h"], kernel[INPUT:, 3 * UNITS :])
    back = lstm.to_layout("tf", params)
    assert {name: array.tolist() for name, array in back.items()} == {n: a.tolist() for n, a in arrays.items()}
    lstm.forward(params, np.zeros((2, 3, INPUT)))


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8"])
def test_the_order_of_bytes_of_a_file_ends_with_it(dtype: str, lstm: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    params = lstm.from_layout("tf", {name: array.astype(dtype) for name, array in arrays.items()})
    assert {array.dtype for array in params.values()} == {np.dtype(dtype).newbyteorder("=")}
    lstm.forward(params, np.zeros((2, 3, INPUT), params["j.x"].dtype))


def test_row_shards_are_put_together(lstm: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    kernel = arrays.pop("lstm_cell/kernel")
    shards = {f"lstm_cell/kernel/part_{k}": part for k, part in enumerate(np.array_split(kernel, 3))}
    params = lstm.from_layout("tf", {**arrays, **shards})
    assert np.array_equal(lstm.to_layout("tf", params)["lstm_cell/kernel"], kernel)


def test_every_cell_of_a_stack_has_its_own_shards() -> None:
    text = """
    cell A(units) { input x[input]\n a = linear(x, out = units)\n output a\n
      layout tf(scope = "a", shards = "part_{}") { "W" = a.x\n "b" = a.bias } }
    cell B(units) { input x[input]\n b = linear(x, out = units)\n output b\n
      layout tf(scope = "b", shards = "_{}") { "W" = b.x\n "b" = b.bias } }
    network N { input x[3]\n y = stack([A(4), B(2)])(x)\n output y }
    """
    module = rnnc.compile(text, name="N")
    whole = module.to_layout("tf", module.init_params(seed=0))
    first, second = (next(name for name in whole if name.endswith(end)) for end in ("a/W", "b/W"))
    parts = {f"{first}/part_{k}": part for k, part in enumerate(np.array_split(whole[first], 2))}
    parts |= {f"{second}_{k}": part for k, part in enumerate(np.array_split(whole[second], 2))}
    rest = {name: array for name, array in whole.items() if name not in (first, second)}
    back = module.to_layout("tf", module.from_layout("tf", {**parts, **rest}))
    assert all(np.array_equal(back[name], array) for name, array in whole.items())


def test_gradients_have_the_layout_of_the_arrays(lstm: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    params = lstm.from_layout("tf", arrays)
    outputs, _, tape = lstm.forward_train(params, np.ones((2, 3, INPUT)))
    gradients = lstm.backward(params, tape, outputs)["params"]
    found = lstm.grads_to_layout("tf", params, gradients)
    assert np.array_equal(found["lstm_cell/bias"][:UNITS], gradients["i.bias"])
    assert found["lstm_cell/kernel"].shape == arrays["lstm_cell/kernel"].shape


def test_arrays_that_do_not_fit(lstm: ModuleType, arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(KeyError, match=r"no layout 'tff' \(did you mean 'tf'\?\); it has: .*tf"):
        lstm.from_layout("tff", arrays)
    with pytest.raises(KeyError, match=r"needs the array 'lstm_cell/kernel' \(did you mean 'lstm_cell/kernels'"):
        lstm.from_layout("tf", {"lstm_cell/kernels": arrays["lstm_cell/kernel"]})
    with pytest.raises(KeyError, match="knows no array 'step'"):
        lstm.from_layout("tf", {**arrays, "step": np.zeros(())})
    with pytest.raises(ValueError, match="should have the shape"):
        lstm.from_layout("tf", {**arrays, "lstm_cell/bias": np.zeros(7)})


def test_a_variant_that_lost_an_entry_says_so(tmp_path: Path) -> None:
    source = (EXAMPLES / "lstm.rnn").read_text(encoding="utf-8")
    path = tmp_path / "gone.rnn"
    path.write_text(source + "\ncell Gone = LSTM with { gate i = 1 }\n", encoding="utf-8")
    module = rnnc.compile(path, name="Gone")
    with pytest.raises(ValueError, match=r"does not fit Gone: .*i"):
        module.from_layout("tf", {})


JOINED = """
cell Joined(units) {
  input x[a], z[b], w[c]
  state h[units]
  gate i = sigmoid(linear(x, z) * linear(w) as third)
  gate f = sigmoid(linear(both: concat(w, w), bias = false))
  h' = i * h + f * tanh(linear(u: concat(x, z), h))
  output h'
  layout two {
    "kernel"  = [[h.u], [h.h], [f.both]]
    "kernels" = [[i.x], [i.z], [i.third.w]]
    "bias"    = [i.bias, i.third.bias, h.bias]
  }
}

cell Sums(units) {
  input x[a], z[b]
  state h[units]
  h' = tanh(linear(twice: concat(x, z, x, z), u: concat(x, z), h))
  output h'
  layout sums {
    "kernel" = [[h.twice], [h.u], [h.h]]
    "bias"   = h.bias
  }
}
"""


def test_weights_that_tell_sums_of_sizes(tmp_path: Path) -> None:
    (tmp_path / "joined.rnn").write_text(JOINED)
    sums = rnnc.compile(tmp_path / "joined.rnn", name="Sums")
    params = sums.init_params(seed=1, units=4, a=2, b=3)
    arrays = sums.to_layout("sums", params)
    assert arrays["kernel"].shape == (3 * (2 + 3) + 4, 4)
    back = sums.from_layout("sums", arrays)
    assert all(np.array_equal(back[name], array) for name, array in params.items())


def test_arrays_that_do_not_tell_their_sizes_say_so(tmp_path: Path) -> None:
    (tmp_path / "joined.rnn").write_text(JOINED)
    joined = rnnc.compile(tmp_path / "joined.rnn", name="Joined")
    arrays = joined.to_layout("two", joined.init_params(units=4, a=2, b=3, c=1))
    assert arrays["kernel"].shape == (2 + 3 + 4 + 2, 4)
    with pytest.raises(ValueError, match=r"two: arrays with such shapes do not tell .*'a'.*, so compile"):
        joined.from_layout("two", arrays)
    given = rnnc.compile(tmp_path / "joined.rnn", name="Joined", a=2, b=3)
    assert given.from_layout("two", arrays)["f.both"].shape == (2, 4)


def test_one_number_is_a_parameter_like_others() -> None:
    """An array without axes stays one (it came as [1], which `forward` refuses)."""
    module = rnnc.compile(
        "cell Scaled(units) {\n  input x[input]\n  param tau[], rate[]\n  y = linear(x, bias = false, out = units)\n"
        '  output tau * y + rate\n  layout tf {\n    "k" = y.x\n    "tau" = tau\n    "log_rate" = 2 * rate + 1\n  }\n}'
    )
    arrays = {"k": np.ones((2, 3)), "tau": np.array(0.5), "log_rate": np.array(3.0)}
    params = module.from_layout("tf", arrays)
    assert (params["tau"].shape, params["rate"].shape, float(params["rate"])) == ((), (), 1.0)
    outputs, _, tape = module.forward_train(params, np.ones((1, 1, 2)))
    assert outputs.tolist() == [[[2.0, 2.0, 2.0]]]
    assert {n: a.tolist() for n, a in module.to_layout("tf", params).items()} == {
        n: a.tolist() for n, a in arrays.items()
    }
    gradients = module.grads_to_layout("tf", params, module.backward(params, tape, outputs)["params"])
    assert (gradients["tau"].shape, float(gradients["log_rate"])) == ((), 3.0)


def test_imported_parameters_are_arrays_of_their_own() -> None:
    """A step of training in place leaves the arrays that they came from as they are."""
    module = rnnc.compile(EXAMPLES / "gru.rnn")
    arrays = module.to_layout("tf", module.init_params(units=UNITS, input=INPUT))
    before = {name: array.copy() for name, array in arrays.items()}
    for parameter in module.from_layout("tf", arrays).values():
        parameter += 1
    assert all(np.array_equal(array, before[name]) for name, array in arrays.items())
