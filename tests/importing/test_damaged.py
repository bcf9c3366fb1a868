"""Damaged calls: whatever the text, there is a description or an error with a code, never another exception."""

from __future__ import annotations

import random

import pytest

from rnnc.codes import CODES
from rnnc.diagnostics import Diagnostic, DiagnosticError, Source
from rnnc.importing.calls import import_call
from tests.importing.test_golden import MANIFEST, call_of
from tests.importing.test_models import KERAS, SEQ2SEQ, TEXTS_OF_TORCH, TOKEN_MODEL

CALLS = [
    *(call_of(name) for name in sorted(MANIFEST)),
    "keras.Sequential([Bidirectional(LSTM(4, return_sequences=True), merge_mode='sum'), Dense(3, 'softmax')])",
    "keras.layers.RNN([keras.layers.LSTMCell(n) for n in range(2, 5)], return_sequences=True)(x)",
    "torch.nn.LSTM(5, 4, num_layers=2, bidirectional=True, dropout=0.5)",
    "y, (h, c) = tf.contrib.cudnn_rnn.CudnnLSTM(2, 4, 'skip_input', direction='bidirectional', dropout=0.5)(x)",
    "keras.layers.Bidirectional(keras.layers.CuDNNGRU(4, return_sequences=True))",
    *TEXTS_OF_TORCH.values(),
    *KERAS.values(),
    SEQ2SEQ,
    TOKEN_MODEL,
]
PIECES = [
    *"()[]{},.=*:-'\"\n 0\\@", "None",
    "True", "1.5", "[]", "lambda n: n", "LSTMCell", "cell", "x", " for n in ", "é", "\0",
    "1e400", "*a", "**a", "-1", "'tanh'", "tf.nn.relu", "GRUCell(4)", "[GRUCell(2)] * 2", " if ", "\t",
]  # fmt: skip


def damaged(text: str, chance: random.Random) -> str:
    """A few pieces dropped, doubled, moved or put in."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(text) + 1)
        stop = min(len(text), start + chance.choice([0, 0, 1, 1, 5, 20]))
        new = chance.choice([chance.choice(PIECES), "", text[start:stop] * 2, text[stop : stop + 12]])
        text = text[:start] + new + text[stop:]
    return text


@pytest.mark.parametrize("seed", range(2))
def test_no_text_is_a_crash(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        text = damaged(chance.choice(CALLS), chance)
        found: tuple[Diagnostic, ...] = ()
        try:
            import_call(Source("<call>", text))
        except DiagnosticError as error:
            found = error.diagnostics
        assert all(each.code in CODES and each.span is not None for each in found), text
