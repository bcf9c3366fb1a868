"""Generated cells beside the cells of tf.nn.rnn_cell: `legacy_cells.py FOLDER v1|v2`, with legacy Keras or in 1.15.

The folder holds modules NAME_tf.py. Prints `ok …` for each comparison; the first difference ends it.
"""

import importlib.util
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER, BEHAVIOUR = sys.argv[1:]
if BEHAVIOUR == "v1":
    tf.disable_v2_behavior()
LENGTHS = np.array([4, 0, 2])
X = np.random.RandomState(0).randn(3, 4, 5)


def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(FOLDER, name + "_tf.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dynamic(cell, x, lengths):
    return tf.nn.dynamic_rnn(cell, x, lengths, dtype=tf.float64)


def static(cell, x, lengths):
    outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, 4, 1), dtype=tf.float64, sequence_length=lengths)
    return tf.stack(outputs, 1), state


def both_ways(cell, x, lengths):
    outputs, state = tf.nn.bidirectional_dynamic_rnn(cell(), cell(), x, lengths, dtype=tf.float64)
    return tf.concat(outputs, 2), state


def in_parts(cell, x, lengths):
    """Every variable is three, along its rows."""
    with tf.variable_scope("parts", partitioner=tf.fixed_size_partitioner(3)):
        return dynamic(cell, x, lengths)


def keras_layer(cell, x, lengths):
    """Which builds cells in float32."""
    layer = tf.keras.layers.RNN(cell, return_sequences=True, return_state=True)
    outputs, *state = [tf.cast(y, tf.float64) for y in tf.nest.flatten(layer(tf.cast(x, tf.float32)))]
    return outputs, state


class Built:
    """A cell under a driver, with gradients by all variables, in a graph of its own."""

    def __init__(self, make, run):
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(1)
            self.x, self.lengths = tf.placeholder(tf.float64, [3, 4, 5]), tf.placeholder(tf.int32, [3])
            outputs, state = run(make() if run is not both_ways else make, self.x, self.lengths)
            self.flat = [outputs, *tf.nest.flatten(state)]
            self.variables = tf.trainable_variables()
            loss = tf.add_n([tf.reduce_sum(tf.sin(t)) for t in self.flat])
            self.gradients = tf.gradients(loss, self.variables)
            self.saver, self.begin = tf.train.Saver(), tf.global_variables_initializer()
            # No weight is zero.
            noises = [np.random.RandomState(1).randn(*variable.shape.as_list()) for variable in self.variables]
            self.fill = [variable.assign(0.3 * noise) for variable, noise in zip(self.variables, noises)]

    def results(self, restore):
        """With the weights of the checkpoint, or with others, of which there is a checkpoint afterwards."""
        path = os.path.join(FOLDER, "weights.ckpt")
        with tf.Session(graph=self.graph) as session:
            if restore:
                self.saver.restore(session, path)
            else:
                session.run(self.begin)
                session.run(self.fill)
                self.saver.save(session, path)
            found = session.run([self.flat, self.gradients], {self.x: X, self.lengths: LENGTHS})
        names = [(v.name, v.shape.as_list()) for v in self.variables]
        return names, dict(zip([n for n, _ in names], found[1])), found[0]


def compare(label, ours, theirs, run, tolerance=1e-10):
    """Ours from a checkpoint of theirs, and theirs from one of ours; results and gradients by all variables."""
    ours, theirs = Built(ours, run), Built(theirs, run)
    for first, second in ((theirs, ours), (ours, theirs)):
        names_a, gradients_a, flat_a = first.results(False)
        names_b, gradients_b, flat_b = second.results(True)
        assert names_a == names_b, (label, names_a, names_b)
        for a, b in list(zip(flat_a, flat_b)) + [(gradients_a[n], gradients_b[n]) for n in gradients_a]:
            assert np.abs(a - b).max() <= tolerance, (label, np.abs(a - b).max())
    print("ok", label)


lstm, basic, gru, rnn = load("lstm"), load("basic_lstm"), load("gru"), load("rnn")
nn = tf.nn.rnn_cell
PAIRS = {
    "LSTMCell": (lambda: lstm.Cell(4), lambda: nn.LSTMCell(4, use_peepholes=True, num_proj=3)),
    "BasicLSTMCell": (lambda: basic.Cell(4), lambda: nn.BasicLSTMCell(4)),
    "GRUCell": (lambda: gru.Cell(4), lambda: nn.GRUCell(4)),
    "BasicRNNCell": (lambda: rnn.Cell(4), lambda: nn.BasicRNNCell(4)),
}
for name, (ours, theirs) in PAIRS.items():
    compare(name + " dynamic_rnn", ours, theirs, dynamic)
compare("LSTMCell in parts", *PAIRS["LSTMCell"], run=in_parts)
compare("GRUCell in a layer of Keras", *PAIRS["GRUCell"], run=keras_layer, tolerance=1e-6)
compare("LSTMCell static_rnn", *PAIRS["LSTMCell"], run=static)
compare("BasicLSTMCell bidirectional_dynamic_rnn", *PAIRS["BasicLSTMCell"], run=both_ways)
compare(
    "MultiRNNCell",
    lambda: nn.MultiRNNCell([basic.Cell(4), gru.Cell(3), lstm.Cell(5)]),
    lambda: nn.MultiRNNCell([nn.BasicLSTMCell(4), nn.GRUCell(3), nn.LSTMCell(5, use_peepholes=True, num_proj=3)]),
    dynamic,
)
compare(
    "ResidualWrapper",
    lambda: nn.ResidualWrapper(gru.Cell(5)),
    lambda: nn.ResidualWrapper(nn.GRUCell(5)),
    dynamic,
)
compare(
    "DropoutWrapper",
    lambda: nn.DropoutWrapper(basic.Cell(4), input_keep_prob=0.7, output_keep_prob=0.6, seed=3),
    lambda: nn.DropoutWrapper(nn.BasicLSTMCell(4), input_keep_prob=0.7, output_keep_prob=0.6, seed=3),
    static,
)
compare(
    "two cells with the same weights",
    lambda: nn.MultiRNNCell([gru.Cell(5)] * 2),
    lambda: nn.MultiRNNCell([nn.GRUCell(5)] * 2),
    dynamic,
)
