"""Writes networks: layers of the file's cells, combined in every way, with expressions between them."""

from __future__ import annotations

from rnnc.ir.size import Size
from tests.support.cells.axes import Shape, Var, weak
from tests.support.cells.body import Body, Owner
from tests.support.cells.grow import Grower
from tests.support.cells.library import Layer, Library
from tests.support.choices import Choices


class NetworkWriter:
    """One network. Every sequence that layers read has one axis."""

    def __init__(self, choices: Choices, library: Library, name: str, budget: int) -> None:
        self.choices, self.library, self.name = choices, library, name
        self.body = Body(choices, "network", budget)
        self.body.functions = ["tanh", *library.functions]
        self.body.patterned, self.body.transforms = list(library.patterned), list(library.transforms)
        self.grower = Grower(self.body)
        self.shared: list[tuple[str, int, int]] = []  # layers under a name: name, size of inputs, of outputs

    def write(self) -> str:
        c, body = self.choices, self.body
        lines = ["input x[input]"]
        body.vars.append(Var("x", (weak(Size.of("input")),), seq=True))
        if c.chance(4):
            lines.append("input still[3] per row")
            body.vars.append(Var("still", (weak(3),)))
        if c.chance(3):
            lines.append("input token[]: int")
            body.ints.append(Var("token", (), seq=True))
            lines.append("emb = relabel(embedding(token, 5, 2), 2)")
            body.vars.append(Var("emb", (weak(2),), seq=True))
        parameters = f"(rate = 0.3, inner: cell = {c.pick(self.library.layers).name}(2))"
        for _ in range(c.between(1, 4)):
            if c.chance(3):
                self._equation()
            else:
                self._layer()
        if c.chance(2):
            self._pick()
        found = [
            v for v in body.vars if v.name.isidentifier() and not v.name.startswith("p") and v.name not in ("x", "emb")
        ]
        names = list(dict.fromkeys([found[-1].name, *(c.pick(found).name for _ in range(c.below(3)))]))
        if c.chance(3):
            body.owner = Owner("out")
            names.append(f"out: {self.grower.grow(found[0].shape, 2).text}")
            body.owner = None
        lines += [*body.head, *body.lines, f"output {', '.join(names)}"]
        text = "\n".join(f"  {line}" for line in lines)
        return f"network {self.name}{parameters} {{\n{text}\n}}\n"

    def _sequence(self) -> Var:
        return self.choices.pick([v for v in self.body.vars if v.seq and len(v.shape) == 1])

    def _equation(self) -> None:
        """Step by step: a value of the axes of a sequence, which has time because it reads that sequence too."""
        c, body = self.choices, self.body
        like = self._sequence()
        name = body.fresh("e")
        body.owner = Owner(name)
        shape: Shape = like.shape if c.chance(2) else (weak(c.between(1, 3)),)
        e = self.grower.grow(shape, 2)
        factor = like.name if shape == like.shape else f"mean({like.name})"
        body.add(f"{name} = {e.text} + {factor}")
        body.owner = None
        body.vars.append(Var(name, shape, e.bound + 4, seq=True))

    def _cell(self, size: int | str) -> str:
        inner: Layer = self.choices.pick(self.library.layers)
        return f"{inner.name}({size})"

    def _layer(self) -> None:
        c, body = self.choices, self.body
        x = self._sequence()
        name, n = body.fresh("y"), c.between(1, 3)
        width = x.shape[0].size
        text, size = f"{self._cell(n)}({x.name})", Size.of(n)
        match c.below(13):
            case 1:
                text = f"{c.pick(('backward', 'backward', 'forward'))}({self._cell(n)})({x.name})"
            case 2:
                m = c.between(1, 3)
                text, size = f"bidirectional({self._cell(n)})({x.name})", Size.of(2 * n)
                if c.chance(2):
                    text, size = (
                        f"bidirectional(forward = {self._cell(n)}, backward = {self._cell(m)})({x.name})",
                        Size.of(n + m),
                    )
            case 3:
                merge = c.pick(("sum", "mean", "product"))
                text = f"bidirectional({self._cell(n)}, merge = {merge})({x.name})"
            case 4:
                m = c.between(1, 3)
                sides = f"forward = {self._cell(n)}, backward = {self._cell(m)}"
                body.add(f"{name} = bidirectional({sides}, merge = none)({x.name})")
                text, size = f"concat({name}.forward, {name}.backward)", Size.of(n + m)
                name = body.fresh("e")
            case 5:
                dropped = c.pick(("", ", dropout = 0.2", ", dropout = rate, mask = sequence"))
                if x.shape[0].size == Size.of(n):
                    dropped += c.pick(("", ", residual = true"))
                text = f"stack({self._cell(n)}, {c.between(1, 3)}{dropped})({x.name})"
            case 6:
                m = c.between(1, 3)
                text, size = f"stack({self._cell('n')} for n in [{n}, {m}])({x.name})", Size.of(m)
                if c.chance(2):
                    text = f"stack([{self._cell(n)}, bidirectional({self._cell(m)}, merge = sum)])({x.name})"
            case 7 if width.constant is not None:
                text, size = f"residual({self._cell(width.constant)})({x.name})", width
            case 8 if width.constant is not None:
                text, size = f"highway({self._cell(width.constant)})({x.name})", width
            case 9:
                text, size = f"reverse({x.name})", width
            case 10:
                text = f"dense({x.name}, {n})"
            case 11:
                text, size = f"inner({x.name})", Size.of(2)
            case 12:
                text, size = self._shared(x, n)
            case _:
                pass
        axis = x.shape[0] if size == width and "reverse(" in text else weak(size)
        if not text.startswith("reverse"):  # the results of layers are called after parameters of theirs
            body.add(f"{name}_raw = {text}")
            text = f"relabel({name}_raw, {axis.text})"
        body.add(f"{name} = {text}")
        body.vars.append(Var(name, (axis,), 8.0, seq=True))

    def _shared(self, x: Var, n: int) -> tuple[str, Size]:
        """A layer under a name, run again with the same weights."""
        body = self.body
        width = x.shape[0].size
        known = [(f, m) for f, w, m in self.shared if Size.of(w) == width]
        if known:
            name, size = self.choices.pick(known)
        else:
            name, size = body.fresh("shared"), n
            body.head.append(f"use {name} = {self._cell(n)}")
            if width.constant is not None:
                self.shared.append((name, width.constant, n))
        run = self.choices.pick((name, f"backward({name})", name))
        return f"{run}({x.name})", Size.of(size)

    def _pick(self) -> None:
        c, body = self.choices, self.body
        x = self._sequence()
        name = body.fresh("t")
        body.add(f"{name} = {c.pick((f'last({x.name})', f'at({x.name}, -1)', f'at({x.name}, 0)', f'at({x.name}, 1)'))}")
        body.vars.append(Var(name, x.shape, x.bound))
        if c.chance(2):
            more = body.fresh("t")
            body.add(f"{more} = dense({name}, {c.between(1, 3)})")
            body.vars.append(Var(more, (), 8.0))
            body.vars.pop()
