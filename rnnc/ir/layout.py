"""Weight layouts: foreign arrays as arrangements of parameters.

An arrangement is a small tree over parameters. Read upwards it makes the foreign array (export); read downwards it
takes the foreign array apart (import): a parameter is the sum of what every leaf that names it receives, so
two foreign biases may feed one parameter. Export fills the first such leaf and zeros the others. Gradients
go from parameters to foreign arrays through the transpose of the import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rnnc.diagnostics import Span
from rnnc.ir.size import Size


@dataclass(frozen=True)
class Leaf:
    """A parameter, as it is."""

    parameter: str


@dataclass(frozen=True)
class Unused:
    """Numbers that mean nothing to the cell: ignored by import, `value` on export."""

    shape: tuple[Size, ...]
    value: float = 0.0


@dataclass(frozen=True)
class Cat:
    """Blocks side by side along `axis` (negative: from the end)."""

    axis: int
    items: tuple[Arrangement, ...]


@dataclass(frozen=True)
class Transposed:
    """numpy.transpose(item, order)."""

    item: Arrangement
    order: tuple[int, ...]


@dataclass(frozen=True)
class Reshaped:
    """The item in another shape; `inner` is the item's own."""

    item: Arrangement
    shape: tuple[Size, ...]
    inner: tuple[Size, ...]


@dataclass(frozen=True)
class Affine:
    """foreign = scale * item + offset."""

    item: Arrangement
    scale: float
    offset: float


Arrangement = Leaf | Unused | Cat | Transposed | Reshaped | Affine


@dataclass(frozen=True)
class ForeignArray:
    """`name` is complete within the layout (inner scopes in front); `shape` in open sizes.

    `facts`: what else must hold of what the array belongs to, as far as a file tells: ("reset_after", "true").
    `shards`: the suffix under which it may come as row shards, "part_{}". `numbered`: it always comes as such, be it
    one.
    """

    name: str
    value: Arrangement
    shape: tuple[Size, ...]
    facts: tuple[tuple[str, str], ...] = ()
    shards: str | None = None
    numbered: bool = False

    @property
    def variable(self) -> str:
        """The name of the variable that holds all of it."""
        return self.name + shard_ending(self.shards).replace("{}", "0") if self.shards and self.numbered else self.name


def shard_ending(shards: str) -> str:
    """What the names of row shards end in: "part_{}" is a scope of its own, "_{}" an ending."""
    return shards if shards[:1] in "_-." else f"/{shards}"


@dataclass(frozen=True)
class Counterpart:
    """What makes the same in the library itself: the call `tf.nn.rnn_cell.GRUCell(units)`, of which nothing is known
    here but its text. Arguments by position have the name ""."""

    function: str
    arguments: tuple[tuple[str, CounterpartArgument], ...]
    span: Span


@dataclass(frozen=True)
class InnerCounterpart:
    """The counterpart of an inner cell or layer, None where it declares none. What stands twice is one object."""

    key: str
    counterpart: Counterpart | None


@dataclass(frozen=True)
class FunctionName:
    """A function of the language, or one of the description's own."""

    name: str
    own: bool


CounterpartArgument: TypeAlias = (
    "Counterpart | InnerCounterpart | FunctionName | Size | float | bool | str | tuple[CounterpartArgument, ...] | None"
)


@dataclass(frozen=True)
class WeightLayout:
    """One library's view of a model.

    - `arrays`: every foreign array.
    - `missing`: names of parameters that an entry mentions but the cell (a variant) no longer has, or that no
      entry mentions: import and export are then errors that say so.
    - `states`, `inputs`, `outputs`: names in the foreign order.
    - `masks`: (foreign mask name, name of the random site).
    - `options`: what else the declaration says, by name: `constants` = "float32" (keep probabilities and optimiser
      constants are rounded), …
    - `reference`: what makes the same in the library.
    """

    name: str
    arrays: tuple[ForeignArray, ...]
    missing: tuple[str, ...]
    states: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    masks: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str | float | bool], ...]
    reference: Counterpart | None = None
