"""Records calls of TensorFlow 1.15 (Python 3.7) of which the other recordings have none: python record.py [NAME …]

Masks of DropoutWrapper are drawn here and put in the place of TensorFlow's own, under the names `input`, `state:<i>`
and `output`; where several wrappers draw, with the number of the wrapper in front, in the order in which they draw.
"""

import functools
import json
import os
import sys

import numpy as np
import tensorflow as tf
import tensorflow.contrib
from tensorflow.python.ops import rnn_cell_wrapper_impl

BATCH, TIME = 2, 3
LENGTHS = [3, 1]
FOLDER = os.path.dirname(os.path.abspath(__file__))

R = "tf.nn.rnn_cell."
K = "tf.contrib.rnn."
DYNAMIC = "outputs, final_state = tf.nn.dynamic_rnn(cell, x, initial_state=state0, parallel_iterations=1)"
LENGTHY = "outputs, final_state = tf.nn.dynamic_rnn(cell, x, sequence_length=seq, dtype=dtype)"
BOTH = "outputs, final_state = tf.nn.bidirectional_dynamic_rnn(cell_fw, cell_bw, x, sequence_length=seq, dtype=dtype)\n"
WHOLE = "outputs, final_state = tf.nn.dynamic_rnn(cell, x, dtype=dtype)"
TIMED = [[1], [2]]  # shapes of the inputs of PhasedLSTMCell
LSTM_GRU = f"{R}MultiRNNCell([{R}LSTMCell(3), {R}GRUCell(2)])"
JOINED = f"{R}MultiRNNCell([{R}BasicLSTMCell(2, state_is_tuple=False), {R}GRUCell(2)], state_is_tuple=False)"
GRID = f"{K}GridLSTMCell(2, feature_size=2, frequency_skip=1, num_frequency_blocks=[2])"
VISITOR = f"""def visitor(s):
    if isinstance(s, {R}LSTMStateTuple):
        return {R}LSTMStateTuple(c=True, h=False)
    return True
cell = {R}DropoutWrapper({R}LSTMCell(3), state_keep_prob=0.6, dropout_state_filter_visitor=visitor)"""
ACTIVATIONS = f"""def cut(v):
    return tf.minimum(tf.nn.relu(v), 1.0) - 0.5
leaky = functools.partial(tf.nn.leaky_relu, alpha=0.1)
squashed = {R}GRUCell(3, activation=lambda v: 1.7159 * tf.tanh(2.0 / 3.0 * v))
cell = {R}MultiRNNCell([squashed, {R}LSTMCell(2, activation=leaky), {R}BasicRNNCell(2, cut)])"""
DROPPED_TWICE = f"""one = {R}LSTMCell(3)
cell = {R}MultiRNNCell([{R}DropoutWrapper(one, 0.7), {R}DropoutWrapper(one, 1.0, 0.6)])"""

# The lines that make the cell, those that drive it, the input's shape, and the type if not float64.
CALLS = {
    "phased_layers": (
        f"cell = {R}MultiRNNCell([{R}DropoutWrapper({K}PhasedLSTMCell(3), 0.6, 0.7), {R}GRUCell(2)])",
        DYNAMIC, TIMED, tf.float32,
    ),
    "phased_both": (
        f"cell_fw = {K}PhasedLSTMCell(3)\ncell_bw = {K}OutputProjectionWrapper({K}PhasedLSTMCell(2), 3)",
        BOTH + "outputs = tf.concat(outputs, 2)", TIMED, tf.float32,
    ),
    "dropout_layers": (f"cell = {R}DropoutWrapper({LSTM_GRU}, state_keep_prob=0.6)", DYNAMIC, [2]),
    "dropout_joined": (f"cell = {R}DropoutWrapper({JOINED}, state_keep_prob=0.6)", DYNAMIC, [2]),
    "dropout_grid": (f"cell = {R}DropoutWrapper({GRID}, state_keep_prob=0.6)", DYNAMIC, [3]),
    "dropout_visitor": (VISITOR, DYNAMIC, [2]),
    "dropout_variational": (
        f"cell = {R}DropoutWrapper({R}LSTMCell(3), 0.5, 0.6, 0.7, True, input_size=4, dtype=dtype)", LENGTHY, [4],
    ),
    "dropout_twice": (
        f"cell = {R}DropoutWrapper({R}DropoutWrapper({R}GRUCell(3), 0.6, 0.7, 0.8), 0.5, 0.6, 0.7)", DYNAMIC, [4],
    ),
    "shared_layers": (
        f"one, other = {R}LSTMCell(3), {R}LSTMCell(3)\ncell = {R}MultiRNNCell([one, other, one])", DYNAMIC, [3],
    ),
    "shared_within": (
        f"one = {R}BasicLSTMCell(2)\ncell = {R}DropoutWrapper({R}MultiRNNCell([one] * 2), output_keep_prob=0.6)",
        DYNAMIC, [2],
    ),
    "shared_directions": (f"cell_fw = cell_bw = {LSTM_GRU}", BOTH + "outputs = tf.concat(outputs, 2)", [2]),
    "summed_directions": (
        f"cell_fw = {R}LSTMCell(3)\ncell_bw = {R}GRUCell(3)",
        BOTH + "backward, forward = outputs[1], outputs[0]\noutputs = (backward + 2.0 * forward) / 3.0", [2],
    ),
    "own_activations": (ACTIVATIONS, LENGTHY, [2]),
    "residual_fn": (
        f"cell = {R}ResidualWrapper({R}GRUCell(3), residual_fn=lambda i, o: tf.tanh(i) + 2.0 * o)", LENGTHY, [3],
    ),
    "residual_part": (
        f"cell = {R}ResidualWrapper({R}GRUCell(3), residual_fn=lambda i, o: i[:, :3] + o)", LENGTHY, [5],
    ),
    "shared_residual": (
        f"one = {R}GRUCell(3)\ncell = {R}MultiRNNCell([{R}ResidualWrapper(one), one])", DYNAMIC, [3],
    ),
    "shared_dropout": (
        DROPPED_TWICE, DYNAMIC, [3],
    ),
    "shared_wrapped_directions": (
        f"cell_bw = {R}GRUCell(3)\ncell_fw = {R}ResidualWrapper(cell_bw)",
        BOTH + "outputs = tf.concat(outputs, 2)", [3],
    ),
    "one_direction": (
        f"cell_fw = {R}LSTMCell(3)\ncell_bw = {R}GRUCell(2)", BOTH + "_, outputs = outputs", [2],
    ),
    "joined_states": (
        f"cell_fw = {R}LSTMCell(3)\ncell_bw = {R}LSTMCell(2)",
        BOTH + "state_fw, state_bw = final_state\noutputs = tf.concat([state_fw.h, state_bw.h], 1)", [2],
    ),
    "last_step": (
        f"cell = {R}GRUCell(3)",
        f"{WHOLE}\noutputs = tf.layers.dense(outputs[:, -1, :], 2, tf.nn.relu, name='top')", [2],
    ),
    "every_step": (
        f"cell = {R}GRUCell(3)",
        f"{WHOLE}\noutputs = tf.contrib.layers.fully_connected(inputs=outputs, num_outputs=2, activation_fn=None)", [2],
    ),
    "mean_of_steps": (
        f"cell = {R}GRUCell(3)", f"{WHOLE}\noutputs = tf.reduce_mean(outputs, axis=1)", [2],
    ),
    "turned_weights": (
        f"cell = {R}GRUCell(3)",
        (f"{WHOLE}\nW = tf.get_variable('W', [2, 3], dtype=dtype)\nb = tf.get_variable('b', [2], dtype=dtype)\n"
         "z = tf.matmul(final_state, W, transpose_b=True)\noutputs = tf.tanh(tf.nn.bias_add(z, b))"), [2],
    ),
    "several_layers": (
        f"cell = {R}GRUCell(3)",
        ("outputs, final_state = tf.nn.dynamic_rnn(cell, x, dtype=dtype, scope='in')\noutputs = outputs[:, -1]\n"
         "for n in (4, 2):\n    outputs = tf.layers.dense(outputs, n, tf.tanh, use_bias=n == 4)"), [2],
    ),
    "scopes": (
        f"cell = {R}GRUCell(3)",
        (f"with tf.variable_scope('in'):\n    {WHOLE}\n"
         "def head(v, size=2):\n    return tf.contrib.layers.fully_connected(v, size, None, scope='top', "
         "biases_initializer=None)\nwith tf.variable_scope('out'):\n    outputs = head(outputs)"), [2],
    ),
    "swapped_states": (
        f"cell_fw = {R}LSTMCell(3)\ncell_bw = {R}GRUCell(2)",
        BOTH + "state_fw, state_bw = final_state\noutputs = tf.layers.dense(tf.concat([state_bw, state_fw.h], -1), 2)",
        [2],
    ),
    "attention_twice": (
        f"cell = {K}AttentionCellWrapper({K}AttentionCellWrapper({R}LSTMCell(2), 2, attn_size=3), 1)", DYNAMIC, [2],
    ),
    "intersection_as_wide": (f"cell = {K}IntersectionRNNCell(3, num_in_proj=3)", DYNAMIC, [3]),
    "shards_of_two_kinds": (
        (f"cell = {R}MultiRNNCell([{R}LSTMCell(3, num_unit_shards=2), "
         f"{K}CoupledInputForgetGateLSTMCell(2, num_unit_shards=2)])"), DYNAMIC, [2],
    ),
    "residual_wider": (
        (f"cell = {R}MultiRNNCell([{R}ResidualWrapper({R}GRUCell(3), "
         f"residual_fn=lambda i, o: i[:, 2:] * i[:, :-2] + o), {R}GRUCell(2)])"), DYNAMIC, [5],
    ),
    "residual_grid": (
        (f"grid = {K}GridLSTMCell(1, feature_size=2, frequency_skip=2, num_frequency_blocks=[2])\n"
         f"cell = {R}MultiRNNCell([{R}ResidualWrapper({K}HighwayWrapper(grid)), {R}GRUCell(2)])"), DYNAMIC, [4],
    ),
    "leaky_layer": (
        ("from tensorflow.contrib.rnn.python.ops import rnn_cell\n"
         "cell = rnn_cell.CFNCell(3, activation=lambda v: tf.nn.leaky_relu(v, alpha=0.3))"), DYNAMIC, [2],
    ),
    "leaky_normalised": (
        f"cell = {K}LayerNormBasicLSTMCell(3, activation=functools.partial(tf.nn.leaky_relu, alpha=0.3))", DYNAMIC, [2],
    ),
    "groups_softmax": (f"cell = {K}GLSTMCell(4, number_of_groups=2, activation=tf.nn.softmax)", DYNAMIC, [2]),
    "dropout_states": (
        (f"cell = {R}MultiRNNCell([{R}DropoutWrapper({R}LSTMCell(3), state_keep_prob=0.5), "
         f"{R}DropoutWrapper({R}GRUCell(2), state_keep_prob=0.5)])"), DYNAMIC, [2],
    ),
    "dropout_around": (
        f"cell = {R}DropoutWrapper({R}MultiRNNCell([{R}DropoutWrapper({R}GRUCell(3), 0.7), {R}LSTMCell(2)]), 0.6)",
        DYNAMIC, [3],
    ),
}  # fmt: skip


class Masks:
    """Draws the masks of all wrappers of a graph; a loop asks for one whenever it runs a step."""

    def __init__(self, random):
        self.random, self.steps, self.wrappers = random, {}, []

    def drop(self, wrapper, values, salt, noise, keep, shallow=None):
        """Takes the place of a wrapper's own method."""
        if not any(wrapper is each for each in self.wrappers):
            self.wrappers.append(wrapper)
        own = [wrapper is each for each in self.wrappers].index(True)
        structure = values if shallow is None else shallow
        numbered = salt == "state" or isinstance(values, (list, tuple))

        def dropped(index, wanted, value, *_):
            if isinstance(wanted, bool) and not wanted:
                return value
            name = f"{salt}:{index}" if numbered else salt
            mask = self.mask((own, name), value, keep, wrapper._variational_recurrent)
            return value / tf.cast(tf.constant(keep, tf.float32), value.dtype) * mask

        return rnn_cell_wrapper_impl._enumerated_map_structure_up_to(structure, dropped, structure, values)

    def mask(self, site, value, keep, for_all):
        """A mask for every step, or one for all steps and rows."""
        rows, *shape = value.shape.as_list()
        lead = [1] if for_all else [TIME, rows]
        drawn = (self.random.uniform(size=lead + shape) < keep).astype(value.dtype.as_numpy_dtype)
        self.steps[site] = drawn
        if for_all:
            return tf.constant(drawn)
        turns = iter(drawn)
        mask = tf.numpy_function(lambda: next(turns), [], value.dtype)
        mask.set_shape(value.shape)
        return mask

    def found(self):
        several = len({wrapper for wrapper, _ in self.steps}) > 1
        for (wrapper, name), drawn in self.steps.items():
            yield (
                (f"mask:{wrapper}/{name}" if several else f"mask:{name}"),
                (np.swapaxes(drawn, 0, 1) if len(drawn) == TIME else drawn),
            )


def _dropped_by(wrapper, masks, *given):
    return masks.drop(wrapper, *given)


def record(name, cell, driver, shape, dtype=tf.float64):
    """One call: its arrays go into a file, what was executed is returned."""
    tf.compat.v1.reset_default_graph()
    tf.compat.v1.get_variable_scope().set_dtype(dtype)
    random = np.random.RandomState(sum(map(ord, name)))
    kind = dtype.as_numpy_dtype
    masks = Masks(random)
    wrappers = rnn_cell_wrapper_impl.DropoutWrapperBase
    wrappers._dropout = functools.partialmethod(_dropped_by, masks)

    shapes = shape if isinstance(shape[0], list) else [shape]
    xs = [tf.constant(random.normal(size=[BATCH, TIME, *each]).astype(kind)) for each in shapes]
    names = {"tf": tf, "functools": functools, "dtype": dtype, "x": xs[0] if len(xs) == 1 else tuple(xs)}
    exec(cell, names)
    given = {"x" if len(xs) == 1 else f"x:{k}": x for k, x in enumerate(xs)}
    if "seq" in driver:
        names["seq"] = tf.constant(LENGTHS)
    if "state0" in driver:
        names["state0"] = tf.nest.map_structure(
            lambda size: tf.constant(random.normal(size=[BATCH, size]).astype(kind)), names["cell"].state_size
        )
        given.update({f"state0:{k}": state for k, state in enumerate(tf.nest.flatten(names["state0"]))})
    exec(driver, names)
    results = {"outputs": names["outputs"]}
    results.update({f"final_state:{k}": state for k, state in enumerate(tf.nest.flatten(names["final_state"]))})
    factors = {"cot:" + key: random.normal(size=tensor.shape.as_list()).astype(kind) for key, tensor in results.items()}
    loss = sum(tf.reduce_sum(tensor * factors["cot:" + key]) for key, tensor in results.items())
    variables = tf.compat.v1.global_variables()
    given.update({"var:" + variable.op.name: variable for variable in variables})
    keys = sorted(given)
    gradients = tf.gradients(loss, [given[key] for key in keys])
    fetched = dict(results, loss=loss, **given)
    fetched.update({"grad:" + key: tf.convert_to_tensor(gradients[k]) for k, key in enumerate(keys)})
    with tf.compat.v1.Session() as session:
        for variable in variables:
            positive = variable.op.name.rpartition("/")[2] in ("period", "ratio_on")
            drawn = random.normal(size=variable.shape.as_list()) * 0.6
            variable.load((0.3 + abs(drawn) if positive else drawn).astype(kind), session)
        arrays = session.run(fetched)
    arrays.update(masks.found(), **factors)
    if "seq" in names:
        arrays["sequence_length"] = np.array(LENGTHS, np.int32)
    np.savez_compressed(os.path.join(FOLDER, name + ".npz"), **arrays)
    return {"cell": cell, "driver": driver, "time_major": False}


if __name__ == "__main__":
    path = os.path.join(FOLDER, "manifest.json")
    with open(path) as file:
        manifest = json.load(file)
    manifest["cases"].update({name: record(name, *CALLS[name]) for name in sys.argv[1:] or CALLS})
    with open(path, "w") as file:
        json.dump(manifest, file, indent=1)
        file.write("\n")
