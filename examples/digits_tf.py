"""The tutorial's classifier in TensorFlow's graph mode, with a generated cell in place of BasicLSTMCell.

    python examples/digits_tf.py                                # scikit-learn's real scans of 8 x 8 pixels
    python examples/digits_tf.py --mnist DIRECTORY              # MNIST's four idx files, plain or .gz
    python examples/digits_tf.py --cell examples/gru.rnn:GRU

Rows of an image are time steps; the last output goes through a dense layer; softmax cross-entropy and Adam, all of
it as the tutorials of TensorFlow 1 have it. One line is another one: where the cell is made.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from types import ModuleType

from digits import EXAMPLES, Digits, batches, mnist, scans

import rnnc

try:
    import tensorflow.compat.v1 as tf
except ImportError as error:
    raise SystemExit("this example needs TensorFlow: pip install 'rnnc[tf]'") from error


class Classifier:
    """Placeholders, loss, training step and accuracy, in the default graph."""

    def __init__(self, module: ModuleType, units: int, rows: int, pixels: int, classes: int = 10) -> None:
        self.images = tf.placeholder(tf.float32, [None, rows, pixels])
        self.labels = tf.placeholder(tf.int32, [None])
        cell = module.Cell(units)  # was: tf.nn.rnn_cell.BasicLSTMCell(units)
        outputs, _ = tf.nn.dynamic_rnn(cell, self.images, dtype=tf.float32)
        weights = tf.get_variable("weights", [outputs.shape[-1], classes])
        bias = tf.get_variable("bias", [classes], initializer=tf.zeros_initializer())
        logits = tf.matmul(outputs[:, -1], weights) + bias
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labels, logits=logits)
        self.loss = tf.reduce_mean(losses)
        self.rate = tf.placeholder(tf.float32, [])
        self.train = tf.train.AdamOptimizer(self.rate).minimize(self.loss)
        right = tf.equal(tf.argmax(logits, 1, output_type=tf.int32), self.labels)
        self.accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

    def feed(self, data: Digits) -> dict[object, object]:
        return {self.images: data.images, self.labels: data.labels}


def main() -> None:
    options = arguments()
    train, test = mnist(options.mnist) if options.mnist else scans()
    try:
        module = rnnc.compile(options.cell, target="tf")
    except rnnc.DiagnosticError as error:
        sys.exit(f"{options.cell}: {error}")
    epochs = options.epochs or (3 if options.mnist else 60)
    total = epochs * -(-len(train.labels) // options.batch)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        model = Classifier(module, options.units, *train.images.shape[1:])
        session.run(tf.global_variables_initializer())
        started = time.perf_counter()
        for number, batch in enumerate(batches(train, epochs, options.batch)):
            rate = 3e-3 * (1 - number / total)
            loss, _ = session.run([model.loss, model.train], {**model.feed(batch), model.rate: rate})
            if number % (total // 10 or 1) == 0:
                print(f"step {number}/{total}, loss {loss:.4f}")
        print(f"trained on {len(train.labels)} images in {time.perf_counter() - started:.1f} s")
        accuracy = session.run(model.accuracy, model.feed(test))
    print(f"test accuracy: {accuracy:.2%} of {len(test.labels)} images")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--mnist", type=Path, metavar="DIRECTORY", help="where MNIST's idx files are")
    parser.add_argument(
        "--cell", default=str(EXAMPLES / "basic_lstm.rnn"), metavar="FILE[:NAME]", help="a cell with one open size"
    )
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--epochs", type=int, help="default: 60, of MNIST 3")
    parser.add_argument("--batch", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
