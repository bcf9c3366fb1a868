"""Records what layers of tf.contrib.cudnn_rnn compute, in TensorFlow 1.15 (Python 3.7): python record.py

cuDNN itself needs a GPU. What runs on a CPU is TensorFlow's own other half: the names under which a layer's Saveable
keeps its weights, the converter that makes those of cuDNN's canonical matrices and biases, and the stacks of compatible
cells that TensorFlow's documentation names for such checkpoints.
"""

import os

import numpy as np
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn

BATCH, TIME, INPUT, UNITS, LAYERS = 3, 4, 3, 2, 2
LENGTHS = np.array([4, 2, 0], np.int32)
FOLDER = os.path.dirname(os.path.abspath(__file__))
CELLS = {
    "CudnnLSTM": lambda: cudnn_rnn.CudnnCompatibleLSTMCell(UNITS),
    "CudnnGRU": lambda: cudnn_rnn.CudnnCompatibleGRUCell(UNITS),
    "CudnnRNNTanh": lambda: tf.nn.rnn_cell.BasicRNNCell(UNITS),
    "CudnnRNNRelu": lambda: tf.nn.rnn_cell.BasicRNNCell(UNITS, activation=tf.nn.relu),
}


def record(name, direction, file):
    """One layer: canonical parameters, variables of a checkpoint, values and gradients of a loss."""
    random = np.random.RandomState(len(file))
    dtype = tf.float32 if name == "CudnnLSTM" else tf.float64  # which its compatible cell does not take
    with tf.Graph().as_default():  # which no CPU runs
        layer = getattr(cudnn_rnn, name)(LAYERS, UNITS, direction=direction, dtype=dtype)
        layer.build([TIME, BATCH, INPUT])
        shapes = layer.canonical_weight_shapes, layer.canonical_bias_shapes
        names = [spec.name for spec in layer.saveable.specs]
    weights, biases = ([random.normal(0, 0.6, s).astype(dtype.as_numpy_dtype) for s in each] for each in shapes)
    tf.compat.v1.reset_default_graph()
    kept = layer.saveable.format_converter._cu_canonical_to_tf_canonical(
        [tf.constant(w, dtype) for w in weights], [tf.constant(b, dtype) for b in biases]
    )

    x = tf.constant(random.normal(size=(BATCH, TIME, INPUT)), dtype)
    both = direction == "bidirectional"
    cells = [CELLS[name]() for _ in range(LAYERS * (2 if both else 1))]
    stack = tf.nn.rnn_cell.MultiRNNCell(cells)
    state = [
        tf.nest.map_structure(lambda size: tf.constant(random.normal(size=(BATCH, size)), dtype), one)
        for one in stack.state_size
    ]
    if both:
        outputs, forward, backward = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
            cells[:LAYERS], cells[LAYERS:], x, state[:LAYERS], state[LAYERS:], sequence_length=LENGTHS
        )
        final = (forward, backward)
    else:
        outputs, final = tf.nn.dynamic_rnn(stack, x, LENGTHS, tuple(state))
    found = {"outputs": outputs}
    found.update({f"final_state:{k}": tensor for k, tensor in enumerate(tf.nest.flatten(final))})
    factors = {
        "cot:" + key: random.normal(size=tensor.shape.as_list()).astype(dtype.as_numpy_dtype)
        for key, tensor in found.items()
    }
    found["loss"] = sum(tf.reduce_sum(tensor * factors["cot:" + key]) for key, tensor in found.items())
    given = {"x": x}
    given.update({f"state0:{k}": tensor for k, tensor in enumerate(tf.nest.flatten(state))})
    variables = {v.op.name: v for v in tf.compat.v1.trainable_variables() if v.op.name in names}
    assert sorted(variables) == sorted(names)
    given.update({"var:" + key: variable for key, variable in variables.items()})
    keys = sorted(given)
    gradients = tf.gradients(found["loss"], [given[key] for key in keys])
    found.update({"grad:" + key: gradients[k] for k, key in enumerate(keys)})
    found.update(given)

    with tf.compat.v1.Session() as session:
        values = {names[k]: array for k, array in enumerate(session.run(kept[0] + kept[1]))}
        for key, variable in variables.items():
            variable.load(values[key], session)
        arrays = session.run({key: tf.convert_to_tensor(tensor) for key, tensor in found.items()})
    count = len(weights) // (LAYERS * (2 if both else 1))  # matrices, and biases, of a pseudo-layer
    for letter, several in (("w", weights), ("b", biases)):
        arrays.update({f"cudnn:layer_{k // count}/{letter}_{k % count}": a for k, a in enumerate(several)})
    arrays.update(factors, sequence_length=LENGTHS)
    np.savez_compressed(os.path.join(FOLDER, file + ".npz"), **arrays)
    print(file, names)


for cell in CELLS:
    for way in ("unidirectional", "bidirectional"):
        record(cell, way, cell + "_" + way)
