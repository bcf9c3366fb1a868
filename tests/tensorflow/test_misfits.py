"""Arguments of modules that are no tensors of the wanted kind: told by name."""

from __future__ import annotations

import pytest

import rnnc
from tests.tensorflow.support import module, tf

TWO = "cell Two(units) {\n  input x[n], c[m]\n  state h[units]\n  h' = tanh(linear(x, c, h))\n  output h'\n}\n"
DROPS = "cell Drops {\n  input x[2]\n  h = dropout(tanh(linear(x, out = 2)), 0.5)\n  output h\n}\n"


def test_cells_of_several_inputs_take_a_tuple_or_a_dict() -> None:
    two = rnnc.compile(TWO, "tf", units=3)
    with tf.Graph().as_default():
        x, c = tf.ones([2, 4, 3]), tf.ones([2, 4, 2])
        for wrong in (x, (x,), (x, c, c)):
            with pytest.raises(TypeError, match="inputs: expected a tuple of x, c, got"):
                tf.nn.dynamic_rnn(two.Cell(), wrong, dtype=tf.float32)
        with tf.variable_scope("a"):
            found = tf.nn.dynamic_rnn(two.Cell(seed=1), (x, c), dtype=tf.float32)[0]
        with tf.variable_scope("b"):
            named = tf.nn.dynamic_rnn(two.Cell(seed=1), {"x": x, "c": c}, dtype=tf.float32)[0]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            a, b = session.run([found, named])
    assert (a == b).all()


def test_a_ragged_input_says_how_it_goes() -> None:
    gru = module("gru", units="3")
    params = gru.init_params(seed=0, input=2)
    ragged = tf.RaggedTensor.from_row_lengths(tf.ones([5, 2]), [2, 3])
    with pytest.raises(TypeError, match=r"x is ragged: give x.to_tensor\(\), and lengths=x.row_lengths\(\)"):
        gru.forward(params, ragged)
    outputs, _ = gru.forward(params, ragged.to_tensor(), lengths=ragged.row_lengths())
    assert outputs.shape == (2, 3, 3)


def test_a_seed_is_one_number() -> None:
    drops = rnnc.compile(DROPS, "tf")
    params = drops.init_params(seed=0)
    with pytest.raises(TypeError, match="seed should be a whole number"):
        drops.forward(params, tf.ones([2, 3, 2]), training=True, seed=tf.constant([1, 2]))
    assert drops.forward(params, tf.ones([2, 3, 2]), training=True, seed=tf.constant(1))[0].shape == (2, 3, 2)
