"""Conversion on the command line: the same meaning on the other side, and refusal where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rnnc
from tests.numpy.support import EXAMPLES
from tests.verify.cases import CASES as GOLDEN_CASES
from tests.weights.libraries import CASES, Case, load, numbers
from tests.weights.support import GRU, LSTM, Weights, same

GOLDEN = EXAMPLES.parent / "tests" / "golden"
BY_NAME = {case.name: case for case in CASES}


def given(case: Case) -> list[str]:
    """The cell of a case on the command line."""
    return ["--cell", str(EXAMPLES / case.example), *(f"-D{name}={value}" for name, value in case.options.items())]


# --- there and back ----------------------------------------------------------------------------------------------

ROUTES = [
    ("torch_lstm", ("keras", "onnx", "tf", "rnnc")),
    ("torch_lstm_proj", ("tf", "rnnc")),
    ("torch_gru", ("keras", "onnx", "tf", "rnnc")),
    ("torch_rnn", ("keras", "onnx", "tf")),
    ("torch_lstm_layers_both", ("keras", "onnx", "tf", "rnnc")),
    ("keras_gru_before", ("onnx", "tf", "tf_block", "rnnc")),
    ("onnx_lstm_peepholes", ("tf", "rnnc")),
    ("onnx_lstm_both", ("torch", "keras")),
]


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=[name for name, _ in ROUTES])
def test_from_library_to_library_and_back(name: str, route: tuple[str, ...], weights: Weights) -> None:
    """One after the other, through all, and back: the same parameters of the cell."""
    pytest.importorskip("safetensors")
    case = BY_NAME[name]
    arrays = load(case).arrays
    path, kind = weights.file("start.npz", arrays), case.layout
    for k, other in enumerate((*route, case.layout)):
        found = weights.convert(path, f"step_{k}.safetensors", "--from", kind, "--to", other, *given(case))
        path, kind = weights.folder / f"step_{k}.safetensors", other
    cell = rnnc.compile(
        EXAMPLES / case.example.partition(":")[0],
        name=case.example.partition(":")[2] or None,
        options=dict(case.options),
    )
    same(cell.from_layout(case.layout, found), cell.from_layout(case.layout, arrays))


@pytest.mark.parametrize(
    "golden",
    ["lstm_sharded", "multi_lstm3", "bidir_dyn_seq_lstm_peepholes", "train_rows_adam_float32", "coupled", "nas"],
)
def test_variables_of_tensorflow_to_parameters_and_back(golden: str, weights: Weights) -> None:
    """As they were recorded, with scopes of drivers and row shards; what is unused comes back as zeros."""
    case = next(one for one in GOLDEN_CASES if one.golden == golden)
    with np.load(GOLDEN / f"{golden}.npz") as file:
        arrays = {name[4:]: file[name] for name in file.files if name.startswith("var:")}
    cell = ["--cell", str(EXAMPLES / case.example), *(f"-D{name}={value}" for name, value in case.options.items())]
    path = weights.file("a.npz", arrays)
    weights.convert(path, "b.npz", "--from", "tf", "--to", "rnnc", *cell)
    back = ["--from", "rnnc", "--to", "tf", "--into", path, *cell]
    same(weights.convert(weights.folder / "b.npz", "c.npz", *back), arrays, atol=0)


def test_float32_is_only_moved(weights: Weights) -> None:
    """Blocks go to other places bit by bit; a forget bias is added once, in float64."""
    arrays = {name: array.astype(np.float32) for name, array in load(BY_NAME["keras_lstm"]).arrays.items()}
    found = weights.convert(weights.file("a.npz", arrays), "b.npz", "--from", "keras", "--to", "torch")
    back = weights.convert(weights.folder / "b.npz", "c.npz", "--from", "torch", "--to", "keras")
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    assert np.array_equal(found["weight_ih_l0"], arrays["lstm_cell/kernel"].T)
    assert {name: array.tobytes() for name, array in back.items()} == {n: a.tobytes() for n, a in arrays.items()}


def test_the_forget_bias_moves_into_the_bias_and_out_of_it(weights: Weights) -> None:
    kernel = {"lstm_cell/kernel": numbers(7, 16), "lstm_cell/bias": np.zeros(16)}
    path = weights.file("a.npz", kernel)
    for forget, options in ((1.0, []), (0.25, ["-D", "forget_bias=0.25"])):
        found = weights.convert(path, "b.npz", "--from", "tf", "--to", "keras", *options)
        assert np.array_equal(found["lstm_cell/bias"], np.repeat([0, forget, 0, 0], 4))
        again = weights.convert(weights.folder / "b.npz", "c.npz", "--from", "keras", "--to", "tf", *options)
        same(again, kernel)


def test_two_biases_are_summed(weights: Weights) -> None:
    result = load(BY_NAME["torch_gru"]).arrays
    found = weights.convert(weights.file("a.npz", result), "b.npz", "--from", "torch", "--to", "rnnc")
    both = result["bias_ih_l0"] + result["bias_hh_l0"]
    np.testing.assert_allclose(np.concatenate([found["r.bias"], found["u.bias"]]), both[:8], rtol=0, atol=1e-15)
    assert np.array_equal(found["n.bias"], result["bias_ih_l0"][8:])
    assert np.array_equal(found["n.rec.bias"], result["bias_hh_l0"][8:])


# --- names -------------------------------------------------------------------------------------------------------


def test_scopes_in_front_other_endings_and_prefixes(weights: Weights) -> None:
    arrays = load(BY_NAME["torch_gru"]).arrays
    wanted = weights.convert(weights.file("plain.npz", arrays), "p.npz", "--from", "torch", "--to", "keras")
    for old, new in (("weight", "encoder.rnn.weight"), ("_l0", ""), ("_l0", "_l3_reverse")):
        other = weights.file("other.npz", {name.replace(old, new, 1): array for name, array in arrays.items()})
        same(weights.convert(other, "o.npz", "--from", "torch", "--to", "keras"), wanted)
    found = weights.convert(weights.folder / "plain.npz", "q.npz", "--from", "torch", "--to", "keras", "--prefix", "m/")
    assert list(found) == [f"m/{name}" for name in wanted]


def test_without_biases_nothing_adds_to_the_forget_gate(weights: Weights) -> None:
    """A forget bias has no place in arrays that have none, so the cell is the one without it."""
    arrays = {name: array for name, array in load(BY_NAME["torch_lstm"]).arrays.items() if "bias" not in name}
    path = weights.file("nobias.npz", arrays)
    bare = ["--from", "torch", "--to", "rnnc", "--cell", LSTM, "-D", "bias=false"]
    assert "no form in 'torch'" in weights.refused(path, *bare)
    found = weights.convert(path, "found.npz", "--from", "torch", "--to", "rnnc")
    told = weights.convert(path, "told.npz", *bare, "-D", "forget_bias=0")
    assert found.keys() == told.keys() == {f"{gate}.{part}" for gate in "ifjo" for part in "xh"}


def test_a_model_without_biases(weights: Weights) -> None:
    """They are zero: so is, with its forget bias, what the cell adds."""
    arrays = {name: array for name, array in load(BY_NAME["torch_lstm"]).arrays.items() if "bias" not in name}
    path = weights.file("a.npz", arrays)
    assert "bias_ih_l0" in weights.refused(path, "--from", "torch", "--to", "rnnc", "--cell", LSTM)
    found = weights.convert(path, "b.npz", "--from", "torch", "--to", "rnnc", "--zeros", "bias*")
    assert {name: set(array) for name, array in found.items() if "bias" in name} == {
        "i.bias": {0.0}, "f.bias": {-1.0}, "j.bias": {0.0}, "o.bias": {0.0},
    }  # fmt: skip
    assert np.array_equal(found["i.x"], arrays["weight_ih_l0"][:4].T)
    bare = weights.file("bare.npz", {name: array for name, array in arrays.items() if "bias" not in name})
    into = ["--from", "torch", "--to", "torch", "--into", bare, "--zeros", "bias*"]
    same(weights.convert(path, "c.npz", *into, "--cell", LSTM), arrays)
    biased = weights.file("d.npz", load(BY_NAME["torch_lstm"]).arrays)
    assert "'bias_ih_l0' is not zero, and has no place" in weights.refused(biased, *into, "--cell", LSTM)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--cell", LSTM, "--zeros", "*", "--without", "*"], "E801"),
        (["--cell", LSTM, "--zeros", "*", "--only", "bias_ih*"], "E803"),
        (["--cell", LSTM, "--without", "*"], "E803"),
        (["--without", "*"], "E813"),
        (["-D", "nothing=4"], "E813"),
        (["--cell", LSTM, "-D", "units=5"], "E801"),
    ],
)
def test_nothing_left_and_other_sizes(arguments: list[str | Path], code: str, weights: Weights) -> None:
    path = weights.file("a.npz", load(BY_NAME["torch_lstm"]).arrays)
    assert f"error[{code}" in weights.refused(path, "--from", "torch", "--to", "keras", *arguments)


def test_a_cell_without_weights(weights: Weights) -> None:
    (weights.folder / "sum.rnn").write_text(
        "cell Sum(units) {\n  input x[units]\n  state h[units]\n  h' = h + x\n  output h'\n}\n"
    )
    path = weights.file("a.npz", {"w": numbers(2)})
    said = weights.refused(path, "--from", "rnnc", "--to", "rnnc", "--cell", weights.folder / "sum.rnn")
    assert "error[E803]" in said


def test_layers_are_told_apart_by_their_order(weights: Weights) -> None:
    case = BY_NAME["torch_lstm_layers"]
    start = weights.file("a.npz", load(case).arrays)
    keras = weights.convert(start, "b.npz", "--from", "torch", "--to", "keras", *given(case))
    named = {name.replace("layer_0", "m/lstm").replace("layer_1", "m/lstm_1"): a for name, a in keras.items()}
    back = ["--from", "keras", "--to", "torch", *given(case)]
    same(
        weights.convert(weights.file("c.npz", dict(reversed(named.items()))), "d.npz", *back),
        weights.convert(weights.folder / "b.npz", "e.npz", *back),
    )
    unordered = {name.replace("layer_0", "decoder").replace("layer_1", "encoder"): a for name, a in keras.items()}
    assert "layer_0/lstm_cell/kernel" in weights.refused(weights.file("f.npz", unordered), *back)


def test_only_and_without(weights: Weights) -> None:
    arrays = {f"rnn/{name}": array for name, array in {"lstm_cell/kernel": numbers(7, 16)}.items()}
    arrays |= {"rnn/lstm_cell/bias": numbers(16), "rnn/lstm_cell/kernel/Adam": numbers(7, 16), "dense/w": numbers(2)}
    path = weights.file("a.npz", arrays)
    to = ["--from", "tf", "--to", "torch", "--cell", str(LSTM)]
    said = weights.refused(path, *to)
    assert "'dense/w'" in said
    assert "--only, --without and --zeros" in said
    found = weights.convert(path, "b.npz", *to, "--only", "rnn/*", "--without", "*/Adam")
    assert found["weight_hh_l0"].shape == (16, 4)
    assert "no array's name fits 'lstm*'" in weights.refused(path, *to, "--only", "lstm*")


# --- which cell --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("torch_lstm", "LSTM(proj = none, peepholes = false"),
        ("torch_gru", "GRU(reset = after"),
        ("torch_rnn", "RNN(activation = tanh, bias = true)"),
        ("keras_gru_before", "GRU(reset = before"),
        ("keras_gru_after", "GRU(reset = after"),
        ("onnx_lstm_peepholes", "LSTM(proj = none, peepholes = true"),
    ],
)
def test_the_known_cell_that_fits_is_found(name: str, spelled: str, weights: Weights) -> None:
    case = BY_NAME[name]
    path = weights.file("a.npz", load(case).arrays)
    done = weights("convert", path, weights.folder / "b.npz", "--from", case.layout, "--to", "rnnc")
    assert done.status == 0, done.err
    assert f"the cell is {spelled}" in done.err


def test_what_no_cell_or_several_have_is_refused(weights: Weights) -> None:
    gru = weights.file("a.npz", load(BY_NAME["onnx_gru_after"]).arrays)
    said = weights.refused(gru, "--from", "onnx", "--to", "keras")
    assert "error[E813]: these may be the arrays of GRU(reset = before" in said
    found = weights.convert(gru, "b.npz", "--from", "onnx", "--to", "keras", "-D", "reset=after")
    assert found["gru_cell/bias"].shape == (2, 12)
    other = weights.file("c.npz", {"w": numbers(3), "b": numbers(2)})
    said = weights.refused(other, "--from", "keras", "--to", "rnnc")
    assert "error[E813]: these are not the keras arrays of RNN, GRU, LSTM" in said
    assert "--cell FILE[:NAME]" in said


def test_numbers_of_training_beside_the_weights_of_a_known_cell(weights: Weights) -> None:
    arrays = load(BY_NAME["torch_gru"]).arrays
    given = ["--from", "torch", "--to", "rnnc"]
    path = weights.file("a.npz", {"step": np.float64(3), **arrays})
    assert "help: leave out what is none of its weights: --without 'step'" in weights.refused(path, *given)
    weights.convert(path, "b.npz", *given, "--without", "step")
    several = weights.file("d.npz", {"step": np.float64(3), **load(BY_NAME["onnx_gru_after"]).arrays})
    said = weights.refused(several, "--from", "onnx", "--to", "keras")  # whatever of these it is
    assert "help: leave out what is none of its weights: --without 'step'" in said
    assert "--cell FILE[:NAME]" in weights.refused(weights.file("c.npz", {"step": np.float64(3)}), *given)


# --- refusals ----------------------------------------------------------------------------------------------------


def test_a_gru_is_not_made_into_the_other_one(weights: Weights) -> None:
    torch = weights.file("a.npz", load(BY_NAME["torch_gru"]).arrays)
    said = weights.refused(torch, "--from", "torch", "--to", "keras", "--cell", GRU, "-D", "reset=before")
    assert "the weights of GRU(reset = before, " in said
    assert "have no form in 'torch'" in said
    assert "with -D reset=after" in said
    keras = weights.file("b.npz", load(BY_NAME["keras_gru_after"]).arrays)
    said = weights.refused(keras, "--from", "keras", "--to", "tf", "--cell", GRU)
    assert "'gru_cell/bias' has shape (2, 12)" in said
    assert "with -D reset=after" in said
    plain = weights.file("c.npz", load(BY_NAME["keras_gru_before"]).arrays)
    said = weights.refused(plain, "--from", "keras", "--to", "torch", "--cell", GRU)
    assert "GRU(reset = before, " in said
    assert "have no form in 'torch'" in said


@pytest.mark.parametrize(
    ("options", "to", "reason"),
    [
        (["-D", "peepholes=true"], "torch", "no array there holds i.peephole, f.peephole, o.peephole"),
        (["-D", "peepholes=true"], "keras", "f.peephole"),
        (["-D", "cell_clip=3"], "onnx", "no form in 'onnx'"),
        (["-D", "activation=relu"], "torch", "no form in 'torch'"),
        ([], "tff", "did you mean 'tf'?"),
    ],
)
def test_what_has_no_home_there_is_refused(options: list[str], to: str, reason: str, weights: Weights) -> None:
    cell = rnnc.compile(LSTM, options=dict(o.split("=") for o in options[1:]))
    arrays = cell.to_layout("tf", cell.init_params(input=3, units=4, dtype="float64"))
    path = weights.file("a.npz", arrays)
    said = weights.refused(path, "--from", "tf", "--to", to, "--cell", LSTM, *options)
    assert reason in said


def test_missing_left_over_mixed_and_other_shapes_are_refused(weights: Weights) -> None:
    arrays = load(BY_NAME["torch_lstm"]).arrays
    to = ["--from", "torch", "--to", "tf", "--cell", str(LSTM)]
    gone = {name: array for name, array in arrays.items() if name != "bias_hh_l0"}
    assert "no recorded variable is the layout's 'bias_hh_l0'" in weights.refused(weights.file("a.npz", gone), *to)
    more = {**arrays, "weight_hr_l0": numbers(2, 4)}
    assert "'weight_hr_l0'" in weights.refused(weights.file("b.npz", more), *to)
    mixed = {**arrays, "bias_hh_l0": arrays["bias_hh_l0"].astype(np.float32)}
    said = weights.refused(weights.file("c.npz", mixed), *to)
    assert "error[E812]: the arrays are of several types: float64" in said
    odd = {**arrays, "bias_hh_l0": np.zeros(15)}
    assert "error[E801]" in weights.refused(weights.file("d.npz", odd), *to)
    whole = {name: np.ones(array.shape, np.int64) for name, array in arrays.items()}
    assert "the arrays are int64" in weights.refused(weights.file("e.npz", whole), *to)
    large = {**arrays, "bias_hh_l0": np.full(16, 1e300)}
    said = weights.refused(weights.file("f.npz", large), *to, "--dtype", "float32")
    assert "too large for float32" in said


def test_what_is_nearly_a_cell_is_told_by_itself(weights: Weights) -> None:
    arrays = {f"{gate}.{name}": np.ones((3, 3)) for gate in "ijfo" for name in ("x", "h")}
    arrays |= {f"{gate}.bias": np.ones(3) for gate in "ijfo"}
    for wrong, said in (
        (
            {name: array for name, array in arrays.items() if name != "f.h"},
            "no recorded variable is the layout's 'f.h'",
        ),
        ({**arrays, "extra": np.ones(3)}, "no array of the layout 'rnnc' is the recorded 'extra'"),
        ({**arrays, "f.h": np.ones((3, 2))}, "axis 1 of 'f.h'"),
    ):
        told = weights.refused(weights.file("wrong.npz", wrong), "--from", "rnnc", "--to", "tf")
        assert f"the nearest is LSTM: {said}" in told
        assert "RNN:" not in told


def test_the_arrays_of_a_whole_model_want_a_choice(weights: Weights) -> None:
    arrays = {"lstm_cell/kernel": np.ones((5, 8)), "lstm_cell/bias": np.ones(8)}
    model = weights.file("model.npz", {**arrays, "dense/kernel": np.ones((2, 2))})
    source = weights.file("lstm.npz", arrays)
    told = weights.refused(source, "--from", "tf", "--to", "tf", "--into", model)
    assert "the --into file: no array of the layout 'tf' is the recorded 'dense/kernel'" in told
    assert "--at GLOB says" in told


def test_a_wrong_cell_is_reported_like_everywhere(weights: Weights) -> None:
    path = weights.file("a.npz", load(BY_NAME["torch_lstm"]).arrays)
    broken = weights.folder / "broken.rnn"
    broken.write_text("cell A(units) {\n  input x[input]\n  output y\n}\n")
    assert "broken.rnn:3" in weights.refused(path, "--from", "torch", "--to", "tf", "--cell", broken)
    assert "error[E242]" in weights.refused(path, "--from", "torch", "--to", "tf", "--cell", LSTM, "-D", "unit=4")


@pytest.mark.parametrize(
    "arguments",
    [["--from", "torch"], ["--to", "tf"], ["--from", "torch", "--to", "tf", "--at", "x"], ["--frm", "torch"]],
)
def test_usage(arguments: list[str], weights: Weights, tmp_path: Path) -> None:
    assert weights("convert", tmp_path / "a.npz", tmp_path / "b.npz", *arguments).status == 2


def test_the_file_that_is_read_is_not_written(weights: Weights) -> None:
    path = weights.file("a.npz", {"w": numbers(3)})
    before = path.read_bytes()
    result = weights("convert", path, path, "--from", "tf", "--to", "rnnc")
    assert (result.status, "OUT is IN" in result.err) == (2, True)
    assert path.read_bytes() == before


def test_list(weights: Weights) -> None:
    path = weights.file("a.npz", load(BY_NAME["torch_lstm"]).arrays)
    done = weights("list", path, "--only", "bias*")
    assert (done.status, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["bias_ih_l0", "16", "float64"],
        ["bias_hh_l0", "16", "float64"],
    ]
