"""Views of arrays, as data: what can be taken of an array without computing.

A step is written on the axes `[T?, B?, *features]` of one array and can also be applied to every element of a
sequence at once: `lead` names the length of a leading axis that the step leaves alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Index:
    """`array[items]`; items are finished text: ":", "None", "a:b", "::-1". Full slices at the end may be left out."""

    items: tuple[str, ...]

    def render(self, base: str, lead: str | None) -> str:
        items = (":", *self.items) if lead else self.items
        while items and items[-1] == ":":
            items = items[:-1]
        return f"{base}[{', '.join(items)}]" if items else base


@dataclass(frozen=True)
class Transpose:
    """`array.transpose(order)`."""

    order: tuple[int, ...]

    def render(self, base: str, lead: str | None) -> str:
        order = (0, *(axis + 1 for axis in self.order)) if lead else self.order
        if order == (1, 0):
            return f"{base}.T"
        return f"{base}.transpose({', '.join(map(str, order))})"


@dataclass(frozen=True)
class Laid:
    """The same numbers in the order in which products read them, where so many steps pay for a copy."""

    helper: str
    steps: str

    def render(self, base: str, lead: str | None) -> str:
        assert lead is None
        return f"{self.helper}({base}, {self.steps}, B)"


@dataclass(frozen=True)
class Reshape:
    """`array.reshape(shape)`, only where the axes that merge are contiguous."""

    shape: tuple[str, ...]

    def render(self, base: str, lead: str | None) -> str:
        return f"{base}.reshape({_dimensions((lead, *self.shape) if lead else self.shape) or '()'})"


@dataclass(frozen=True)
class Broadcast:
    """`np.broadcast_to(array, shape)`: never written to."""

    shape: tuple[str, ...]

    def render(self, base: str, lead: str | None) -> str:
        return f"np.broadcast_to({base}, {shape_text((lead, *self.shape) if lead else self.shape)})"


@dataclass(frozen=True)
class Windows:
    """The windows of a convolution: [*first axes, *spatial, *rest] -> [*first axes, *out, *kernel, *rest]."""

    first: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def render(self, base: str, lead: str | None) -> str:
        first = self.first + 1 if lead else self.first
        return f"_windows({base}, {first}, {self.kernel}, {self.stride}, {self.dilation})"


Step = Index | Transpose | Laid | Reshape | Broadcast | Windows


def render(base: str, steps: tuple[Step, ...], lead: str | None = None) -> str:
    """The expression of a view of `base`."""
    for step in steps:
        base = step.render(base, lead)
    return base


def reshaped(shape: tuple[str, ...] | None) -> tuple[Step, ...]:
    """The step to a shape, if there is one."""
    return () if shape is None else (Reshape(shape),)


def shape_text(shape: tuple[str, ...]) -> str:
    """The tuple of sizes."""
    return f"({_dimensions(shape)}{',' if len(shape) == 1 else ''})"


def _dimensions(shape: tuple[str, ...]) -> str:
    return ", ".join(shape)
