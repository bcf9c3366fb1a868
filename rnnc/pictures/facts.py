"""What can be counted of a cell: parameters, products, and what the backward pass keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.autodiff import PerStep
from rnnc.ir.model import Model, ParameterInfo
from rnnc.ir.program import Loop, Program, walk
from rnnc.ir.size import Size, product
from rnnc.pictures.drawing.fusion import Fused, products

SAVES = ("all", "states", "every=8")  # the ways to save that a page tells of


@dataclass(frozen=True)
class Kept:
    """Bytes (float32) that a way to save keeps of a step and row; `seldom`: those once in `every` steps."""

    save: str
    bytes: Size
    seldom: Size
    every: int


@dataclass(frozen=True)
class Facts:
    """`written`: products with weights that the description asks for at each step; the others: how often those run that
    the compiler made of them. `loops`: recurrences that run step by step; `scans`: those that do not."""

    trained: Size
    fixed: Size
    written: int
    all_steps: int
    each_step: int
    once: int
    loops: int
    scans: int
    kept: tuple[Kept, ...]


def facts(model: Model, forward: Program, kept: Sequence[Sequence[PerStep]]) -> Facts:
    """The facts of a model whose program after the passes is `forward`; `kept` is there for each of SAVES."""
    fused = products(forward)
    nodes = list(walk(forward.nodes))
    return Facts(
        _count([p for p in model.parameters if p.trained]),
        _count([p for p in model.parameters if not p.trained]),
        len(products(model.forward)),
        _running(fused, "all steps"),
        _running(fused, "each step"),
        _running(fused, "once"),
        sum(isinstance(n, Loop) for n in nodes),
        sum(not isinstance(n, Loop) and n.name in ("scan_affine", "scan_maxplus") for n in nodes),
        tuple(_kept(save, arrays) for save, arrays in zip(SAVES, kept, strict=True)),
    )


def _count(parameters: list[ParameterInfo]) -> Size:
    total = Size.of(0)
    for p in parameters:
        total = total + product(tuple(axis.size for axis in p.axes))
    return total


def _running(fused: list[Fused], runs: str) -> int:
    return sum(p.runs == runs for p in fused)


def _kept(save: str, arrays: Sequence[PerStep]) -> Kept:
    always, seldom, every = Size.of(0), Size.of(0), 1
    for array in arrays:
        if array.every == 1:
            always = always + array.bytes
        else:
            seldom, every = seldom + array.bytes, array.every
    return Kept(save, always, seldom, every)


_POWERS = {2: "²", 3: "³", 4: "⁴"}


def size_text(size: Size) -> str:
    """`4·input·units + 4·units`; a plain number with spaces between thousands."""
    if size.constant is not None:
        return f"{size.constant:,}".replace(",", "\u202f")
    text = ""
    for monomial, coefficient in reversed(size.terms):
        counted = Counter(str(atom).replace(" * ", "·").replace(" // ", " ÷ ") for atom in monomial)
        factors = [name + ("" if n == 1 else _POWERS.get(n, f"^{n}")) for name, n in counted.items()]
        number = size_text(Size.of(abs(coefficient)))
        term = "·".join(factors if factors and abs(coefficient) == 1 else [number, *factors])
        sign = (" − " if coefficient < 0 else " + ") if text else "−" if coefficient < 0 else ""
        text += sign + term
    return text


def kept_text(kept: Kept) -> str:
    """`16·units`, with what is kept less often."""
    parts = [size_text(kept.bytes)] if kept.bytes.terms or not kept.seldom.terms else []
    if kept.seldom.terms:
        parts.append(f"({size_text(kept.seldom)})/{kept.every}")
    return " + ".join(parts)


def products_text(facts: Facts) -> str:
    """In words: what was written, and what runs."""
    ran = [
        f"{count} {word}"
        for count, word in (
            (facts.each_step, "at each step"),
            (facts.all_steps, "for all steps at once"),
            (facts.once, "once a sequence"),
        )
        if count
    ]
    return f"{facts.written} written, of which the compiler makes {' and '.join(ran) if ran else 'none'}"
