"""Random sources: functions, cells, variants and networks, and what is given with -D."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hypothesis import strategies as st

from rnnc.ir.size import Size
from tests.support.cells import places, views, weighted  # noqa: F401  (importing them lists their productions)
from tests.support.cells.axes import Axis, Var
from tests.support.cells.body import Body, Owner
from tests.support.cells.cell import CellWriter
from tests.support.cells.elementwise import binary, clipped, unary, with_number
from tests.support.cells.grow import Grower
from tests.support.cells.library import Layer, Library
from tests.support.cells.network import NetworkWriter
from tests.support.choices import Choices, Drawn

WEIGHT_NORM = "fn fw1(V[rows, cols]) {\n  param g[cols] = 0.9\n  return g * V / sqrt(sum(V * V, rows) + 0.1)\n}\n"
SQUASHED = "fn fw2(V) {\n  return 1.3 * tanh(V)\n}\n"


@dataclass(frozen=True)
class RandomSource:
    """A text, the definition of it that is meant, options, and numbers for sizes that stay open."""

    text: str
    name: str
    options: dict[str, object] = field(default_factory=dict[str, object])
    sizes: dict[str, int] = field(default_factory=dict[str, int])

    def __str__(self) -> str:
        return f"{self.text}\n# {self.name}, options {self.options}, open sizes {self.sizes}"


@st.composite
def sources(draw: st.DrawFn) -> RandomSource:
    return draw_source(Drawn(draw))


def draw_source(choices: Choices) -> RandomSource:
    """One source."""
    library, texts = Library(), []
    texts += _functions(choices, library)
    network = choices.chance(3)
    budget = choices.pick((8, 16, 30))
    if network or choices.chance(3):
        for i in range(choices.between(1, 2)):
            writer = CellWriter(choices, library, f"L{i}", layer=True, budget=budget // 2 if network else 6)
            texts.append(writer.write())
            library.layers.append(Layer(f"L{i}", tuple(writer.state_names), writer.alike))
    options: dict[str, object] = {}
    if network:
        name = "N"
        texts.append(NetworkWriter(choices, library, name, budget // 2).write())
        free = ["input"]
    else:
        name = "C"
        writer = CellWriter(choices, library, name, layer=False, budget=budget)
        texts.append(writer.write())
        free = writer.free
        if choices.chance(6):
            texts.append(writer.variant("V"))
            name = "V"
            free = ["units"] if "(units = 2)" not in texts[-1] and "units" in free else []
    untold = not re.search(r"^  param .*units|\[units\] *, *out|input .*units", texts[-1], re.MULTILINE)
    for size in free:
        if choices.chance(3) or (size == "units" and untold):  # else an array's shape tells it
            options[size] = str(choices.between(1, 4))
    sizes = {size: choices.between(1, 4) for size in ("units", "input")}
    return RandomSource("\n".join(texts), name, options, sizes)


def _functions(choices: Choices, library: Library) -> list[str]:
    texts: list[str] = []
    if choices.chance(3):
        body = Body(choices, "fn", 8)
        body.vars.append(Var("v", ()))
        body.owner = Owner("")
        body.numbers.append("k")
        grower = Grower(body, [unary, binary, with_number, clipped])
        first, second = grower.grow((), 2), grower.grow((), 2)
        # Both parts read v, so that the result has its axes.
        lines = (f"u = 0.4 * v + 0 * ({first.text})", f"return tanh(u * k + 0.1 * v) * ({second.text})")
        texts.append("fn fe1(v, k = 0.7) {\n" + "\n".join(f"  {line}" for line in lines) + "\n}\n")
        library.functions.append("fe1")
    if choices.chance(4):
        d = Axis("d", Size.of("d"))
        body = Body(choices, "fn", 8)
        body.vars.append(Var("v", (d,)))
        e = Grower(body, [unary, binary, with_number, views.reduced, views.along]).grow((d,), 3)
        lines = [*body.head, "param gain[d] = ones", f"return gain * v + sin({e.text})"]
        texts.append("fn fp1(v[d]) {\n" + "\n".join(f"  {line}" for line in lines) + "\n}\n")
        library.patterned.append("fp1")
    if choices.chance(4):
        texts.append(choices.pick((WEIGHT_NORM, SQUASHED)))
        library.transforms.append(texts[-1][3:6])
    return texts
