"""Parts of what layers give: features that are divided, and the outputs of both directions."""

from __future__ import annotations

import pytest

from rnnc.diagnostics import Source
from rnnc.importing.calls import import_call
from tests.importing import live
from tests.importing.test_dropped import refused
from tests.importing.test_models import TOLERANCE, X, needs_keras, net

GRU = "i = keras.Input((6, 3))\ny = layers.GRU(8, return_sequences=True)(i)\n"
WAYS = "i = keras.Input((6, 3))\nf, b = layers.Bidirectional(layers.GRU(4), merge_mode=None)(i)\n"
# How Keras and NumPy are told where parts end, and into how many of one size an array is divided.
DIVIDED = {
    "the first": "a, b, c = keras.ops.split(y, [2, 5], axis=-1)\nmodel = keras.Model(i, a)",
    "between": "a, b, c = keras.ops.split(y, [2, 5], axis=-1)\nmodel = keras.Model(i, b)",
    "the last": "a, b, c = keras.ops.split(y, indices_or_sections=(2, 5), axis=2)\nmodel = keras.Model(i, c)",
    "two": "a, b = keras.ops.split(y, 2, axis=-1)\nmodel = keras.Model(i, b)",
}


@needs_keras
@pytest.mark.parametrize("name", DIVIDED)
def test_features_are_divided_where_keras_divides_them(name: str) -> None:
    assert live.keras_error(GRU + DIVIDED[name], {"x": X}) < TOLERANCE


def test_tensorflow_is_told_how_wide_parts_are() -> None:
    text = f"{GRU}a, b, c = tf.split(y, [2, 5, 1], -1)\nmodel = keras.Model(i, b)"
    assert "[v_axis = 2:7]" in import_call(Source("<call>", text)).text


TORCH = "self.a = nn.GRU(3, 8, batch_first=True)"
REFUSED = [
    (f"{GRU}a, b, c = «keras.ops.split(y, [2, 9], axis=-1)»\nmodel = keras.Model(i, b)", "E606", "parts without any"),
    (f"{GRU}a, b, c = «np.split(y, [5, 2], axis=-1)»\nmodel = keras.Model(i, b)", "E606", "parts without any"),
    (
        "i = keras.Input((6, None))\na, b = «keras.ops.split(i, [2], -1)»\nmodel = keras.Model(i, layers.GRU(4)(b))",
        "E606",
        "is not known",
    ),
    (f"{GRU}a, b = «tf.split(y, [2, 5], -1)»\nmodel = keras.Model(i, b)", "E606", "have 7 features together"),
    (net(TORCH, "y, _ = self.a(x)\na, b = «y.split([4, 5], -1)»\nreturn a"), "E606", "have 9 features together"),
    (f"{WAYS}keras.Model(i, «f»)", "E606", "the outputs of both directions are taken apart"),
    (f"{WAYS}keras.Model(i, outputs=«[f, b]»)", "E606", "the outputs of both directions are taken apart"),
    (f"{WAYS}keras.Model(i, layers.Dense(2)(«f»))", "E606", "the outputs of both directions are taken apart"),
    ("«keras.Model(i, 4)»", "E602", "a model that gives what layers give is read"),
]


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_other_parts_are_refused_at_their_place(marked: str, code: str, message: str) -> None:
    refused(marked, code, message)
