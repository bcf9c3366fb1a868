"""Layers of images: a network that stands around one takes an image, and puts channels together."""

from __future__ import annotations

import pytest

import rnnc
from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call

CALLS = {
    "keras.layers.ConvLSTM2D(4, 3)": ["input x[row, col, channel]", "y = StridedConvLSTM2D(4)(x)", "output last(y)"],
    "keras.layers.ConvLSTM1D(4, 5, padding='same')": ["input x[row, channel]", "y = ConvLSTM1D(4, kernel = [5])(x)"],
    "keras.layers.ConvLSTM1D(4, 3, go_backwards=True)": ["y = backward(StridedConvLSTM1D(4))(x)", "output at(y, 0)"],
    "keras.Sequential([keras.layers.ConvLSTM3D(4, 3, return_sequences=True), keras.layers.ConvLSTM3D(2, 2)])": [
        "input x[plane, row, col, channel]",
        "y2 = StridedConvLSTM3D(2, kernel = [2, 2, 2])(y)",
    ],
    "keras.layers.Bidirectional(keras.layers.ConvLSTM2D(4, 3))": [
        "output concat(last(y.forward), at(y.backward, 0), axis = filters)"
    ],
    "keras.layers.Bidirectional(keras.layers.ConvLSTM2D(4, 3, return_sequences=True))": [
        "output concat(y.forward, y.backward, axis = filters)"
    ],
    "keras.layers.Bidirectional(keras.layers.ConvLSTM2D(4, 3, return_sequences=True), merge_mode='mul')": [
        "output y.forward * y.backward"
    ],
}


@pytest.mark.parametrize("call", CALLS)
def test_the_network_has_the_axes_of_its_layers(call: str) -> None:
    text = import_call(Source("<call>", call)).text
    assert [line for line in CALLS[call] if line not in text] == []
    assert rnnc.check(text) == []


def test_options_of_the_image_choose_the_cell() -> None:
    call = (
        "keras.layers.ConvLSTM2D(4, (3, 2), strides=(2, 1), padding='same', activation='relu', return_sequences=True)"
    )
    text = import_call(Source("<call>", call)).text
    assert "cell StridedConvLSTM2D(filters = 4, kernel = [3, 2], stride = [2, 1], dilation = [1, 1]," in text
    assert "padding: same | valid = same, forget_bias = 1.0, bias = true, activation = relu" in " ".join(text.split())
