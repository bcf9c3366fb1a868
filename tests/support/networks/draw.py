"""A file with a random network, the networks in it, and the cells of its layers."""

from __future__ import annotations

from tests.support.cells import RandomSource
from tests.support.choices import Choices
from tests.support.networks import statements as _  # noqa: F401  (importing it lists them)
from tests.support.networks.cells import used
from tests.support.networks.layers import UNITS, Layers
from tests.support.networks.writer import NetworkWriter


def draw_network(choices: Choices, statements: int = 4, units: tuple[int, ...] = UNITS) -> RandomSource:
    """One source, of so many statements at most."""
    layers, texts = Layers(choices, units=units), list[str]()
    for i in range(choices.pick((0, 0, 0, 1, 1, 2)[: 2 * statements - 1])):
        n = choices.pick(units)
        texts.append(NetworkWriter(choices, layers, f"Inner{i}").write(choices.between(1, 2), n))
    texts.append(NetworkWriter(choices, layers, "N").write(choices.between(1, statements)))
    text = "\n\n".join([*used("\n".join(texts)), *texts])
    options = {"input": str(choices.between(1, 3))} if "x[input]" in texts[-1] and choices.chance(2) else {}
    return RandomSource(text, "N", options, {"input": choices.between(1, 4)})
