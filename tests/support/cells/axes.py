"""What the generator knows of values: their axes, and names in scope."""

from __future__ import annotations

from dataclasses import dataclass

from rnnc.ir.size import Size


@dataclass(frozen=True)
class Axis:
    """An axis as the language sees it: `label: size` where strong, else a bare size that is its own label."""

    label: str
    size: Size
    strong: bool = False

    @property
    def text(self) -> str:
        """As in a declaration."""
        return f"{self.label}: {self.size}" if self.strong else self.label

    @property
    def ref(self) -> str:
        """As where an axis is named: `sum(v, head)`."""
        return self.label if self.label.isidentifier() or self.label.isdigit() else f'"{self.label}"'

    @property
    def sliceable(self) -> bool:
        """May stand before `=` in `x[head = 0]`."""
        return self.label.isidentifier()


Shape = tuple[Axis, ...]


def weak(size: Size | int) -> Axis:
    """`3`, `units`, `2 * units`."""
    size = Size.of(size)
    return Axis(str(size), size)


def strong(label: str, size: Size | int) -> Axis:
    return Axis(label, Size.of(size), strong=True)


def shown(shape: Shape) -> str:
    """`units, head: 2`."""
    return ", ".join(axis.text for axis in shape)


@dataclass(frozen=True)
class Var:
    """A value that expressions can read. `state`: it depends on a state; `seq`: it surely has time; `bound`: values
    stay below that, roughly; `own`: it is a state itself, which each row has its own of."""

    name: str
    shape: Shape
    bound: float = 4.0
    dtype: str = "float"
    state: bool = False
    seq: bool = False
    own: bool = False


@dataclass(frozen=True)
class Expr:
    """An expression that can stand anywhere: `text`, and a rough bound of its values."""

    text: str
    bound: float
