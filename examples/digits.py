"""Learns to read handwritten digits, a row of the image at a time, with a cell that rnnc compiles on the spot.

    python examples/digits.py                                        # scikit-learn's real scans of 8 x 8 pixels
    python examples/digits.py --mnist DIRECTORY                      # MNIST's four idx files, plain or .gz
    python examples/digits.py --cell examples/gru.rnn:GRU -D units=96 -D reset=after
    python examples/digits.py --cell examples/wrappers.rnn:Highway -D "inner=RNN(8)"

The rows are the time steps, the network is the one of every tutorial: a recurrent layer, its last output, a dense
layer, softmax. rnnc writes forward and backward of all of it; what is left for this script is the loss and Adam.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from threadpoolctl import threadpool_limits

import rnnc

EXAMPLES = Path(__file__).resolve().parent
NETWORK = """
import "{file}"

network ReadsDigits(inner: cell, classes = 10) {{
  input x[row: {pixels}]
  logits = dense(last(inner(x)), classes)
  output logits
}}
"""
Array = np.ndarray
Parameters = dict[str, Array]


class Digits(NamedTuple):
    """Images [count, rows, pixels] as float32 between 0 and 1, and what they show, as integers."""

    images: Array
    labels: Array


def main() -> None:
    options = arguments()
    train, test = mnist(options.mnist) if options.mnist else scans()
    try:
        module = network(options.cell, bound(options.cell, options.define), pixels=train.images.shape[2])
    except rnnc.DiagnosticError as error:
        sys.exit(f"{options.cell}: {error}")
    started = time.perf_counter()
    with threadpool_limits(1):  # products this small only wait for each other's threads
        params = fit(module, train, epochs=options.epochs or (3 if options.mnist else 60), batch=options.batch)
    seconds = time.perf_counter() - started
    print(f"trained on {len(train.labels)} images in {seconds:.1f} s")
    print(f"test accuracy: {accuracy(module, params, test):.2%} of {len(test.labels)} images")


def bound(cell: str, given: list[tuple[str, str]]) -> dict[str, str]:
    """The parameters of the cell: what is given, or 64 units, if it has such a parameter."""
    if given:
        return dict(given)
    try:
        rnnc.compile(cell, options={"units": "64"})
    except rnnc.DiagnosticError as error:
        if any(found.code == "E242" for found in error.diagnostics):  # there is no such parameter
            return {}
    return {"units": "64"}


def network(cell: str, options: dict[str, str], pixels: int) -> ModuleType:
    """The generated module of a classifier around the cell FILE[:NAME] with its parameters bound."""
    name = rnnc.compile(cell, options=options).SPEC["name"]
    file = Path(cell) if Path(cell).exists() else Path(cell.rpartition(":")[0])
    settings = ", ".join(f"{key} = {value}" for key, value in options.items())
    text = NETWORK.format(file=file.as_posix(), pixels=pixels)
    return rnnc.compile(text, options={"inner": f"{name}({settings})"})


def fit(module: ModuleType, train: Digits, epochs: int, batch: int, rate: float = 3e-3) -> Parameters:
    """Parameters after Adam with a rate that falls to nothing along a cosine."""
    params = module.init_params(seed=0)
    adam = Adam(params)
    total = epochs * -(-len(train.labels) // batch)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=total, loss=np.nan)
        for number, (images, labels) in enumerate(batches(train, epochs, batch)):
            logits, _, tape = module.forward_train(params, images)
            loss, d_logits = softmax_cross_entropy(logits, labels)
            gradients = module.backward(params, tape, d_logits, None)["params"]
            adam.update(params, gradients, rate * (1 + np.cos(np.pi * number / total)) / 2)
            progress.update(task, advance=1, loss=loss)
    return params


def batches(data: Digits, epochs: int, size: int) -> Iterator[Digits]:
    """Every image once an epoch, in another order and a little elsewhere each time."""
    generator = np.random.default_rng(0)
    for _ in range(epochs):
        order = generator.permutation(len(data.labels))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield Digits(shifted(data.images[chosen], generator), data.labels[chosen])


def shifted(images: Array, generator: np.random.Generator) -> Array:
    """The images of a batch moved by up to a pixel, blank where nothing was."""
    _, rows, pixels = images.shape
    down, right = generator.integers(0, 3, size=2)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return padded[:, down : down + rows, right : right + pixels]


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """The mean loss of a batch [batch, classes], and its gradient to the logits."""
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted)
    totals = probabilities.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(totals[:, 0]) - shifted[rows, labels]))
    probabilities /= totals
    probabilities[rows, labels] -= 1
    return loss, probabilities / len(labels)


class Adam:
    """Kingma & Ba 2015, in place, with gradients clipped to a joint norm."""

    def __init__(self, params: Parameters, beta1: float = 0.9, beta2: float = 0.999, norm: float = 1.0) -> None:
        self.beta1, self.beta2, self.norm = beta1, beta2, norm
        self.means = {name: np.zeros_like(value) for name, value in params.items()}
        self.squares = {name: np.zeros_like(value) for name, value in params.items()}
        self.count = 0

    def update(self, params: Parameters, gradients: Parameters, rate: float) -> None:
        self.count += 1
        length = np.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
        scale = min(1.0, self.norm / (length + 1e-12))
        unbiased = rate * np.sqrt(1 - self.beta2**self.count) / (1 - self.beta1**self.count)
        for name, gradient in gradients.items():
            mean, square = self.means[name], self.squares[name]
            mean += (1 - self.beta1) * (scale * gradient - mean)
            square += (1 - self.beta2) * ((scale * gradient) ** 2 - square)
            params[name] -= unbiased * mean / (np.sqrt(square) + 1e-8)


def accuracy(module: ModuleType, params: Parameters, data: Digits) -> float:
    """How many of the images are read rightly."""
    packed = module.pack(params)
    right = 0
    for start in range(0, len(data.labels), 500):
        logits, _ = module.forward(packed, data.images[start : start + 500])
        right += int((logits.argmax(axis=1) == data.labels[start : start + 500]).sum())
    return right / len(data.labels)


def scans() -> tuple[Digits, Digits]:
    """scikit-learn's 1797 scans, a fifth of them for the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 8, 8)
    order = np.random.default_rng(1).permutation(len(labels))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    return Digits(images[train], labels[train]), Digits(images[test], labels[test])


def mnist(directory: Path) -> tuple[Digits, Digits]:
    """MNIST's own training and test images."""
    train, test = (
        Digits(
            idx(directory, f"{part}-images-idx3-ubyte").astype(np.float32) / 255,
            idx(directory, f"{part}-labels-idx1-ubyte"),
        )
        for part in ("train", "t10k")
    )
    return train, test


def idx(directory: Path, name: str) -> Array:
    """An array of bytes in the idx format: two zeros, the type (8: bytes), the rank, the sizes, the numbers."""
    plain, packed = directory / name, directory / f"{name}.gz"
    if not plain.exists() and not packed.exists():
        raise SystemExit(f"{directory} has neither {plain.name} nor {packed.name}")
    data = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"{name} is no idx file of bytes")
    rank = data[3]
    shape = np.frombuffer(data, ">u4", count=rank, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape.astype(int))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--mnist", type=Path, metavar="DIRECTORY", help="where MNIST's idx files are (default: scikit-learn's scans)"
    )
    parser.add_argument("--cell", default=str(EXAMPLES / "lstm.rnn"), metavar="FILE[:NAME]", help="the recurrent layer")
    parser.add_argument(
        "-D",
        dest="define",
        action="append",
        default=[],
        type=definition,
        metavar="NAME=VALUE",
        help="a parameter of the cell; without any: units=64, where it has units",
    )
    parser.add_argument("--epochs", type=int, help="default: 60, of MNIST 3")
    parser.add_argument("--batch", type=int, default=32)
    return parser.parse_args()


def definition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} should read NAME=VALUE")
    return name.strip(), value.strip()


if __name__ == "__main__":
    main()
