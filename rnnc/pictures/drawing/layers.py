"""Layers of a network as boxes: stacks one after the other, both directions side by side, residual wires around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rnnc.pictures.drawing.board import Board, Port, Ports
from rnnc.pictures.drawing.pieces import CellBox, Dot, Unit
from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations import mathtree as m

_SHOWN = 6  # layers of a stack that are drawn one by one
_LONG = 44  # characters of a detail
Direction = Literal["forward", "backward"]


def expand(board: Board, run: f.Run, sources: Sequence[Port], name: m.Math | None) -> Ports:
    """The boxes of a layer."""
    return _Expansion(board, run).layer(run.layer, list(sources), run.inside, "forward", name)


class _Expansion:
    def __init__(self, board: Board, run: f.Run) -> None:
        self.board, self.run = board, run
        self.inner = dict(board.body.inner)

    def layer(self, layer: f.Layer, sources: list[Port], path: str, way: Direction, name: m.Math | None) -> Ports:
        match layer.kind:
            case "cell" | "use":
                return self.cell(layer, sources, path, way, name)
            case "forward":
                return self.layer(layer.parts[0], sources, path, way, name)
            case "backward":
                return self.layer(layer.parts[0], sources, path, _turned(way), name)
            case "bidirectional":
                return self.both(layer, sources, path, way, name)
            case _:
                return self.stack(layer, sources, path, way, name)

    def cell(self, layer: f.Layer, sources: list[Port], path: str, way: Direction, name: m.Math | None) -> Ports:
        """One cell, with a port for each of its outputs."""
        in_cell = self.board.body.kind == "cell"
        text, _, bound = layer.name.partition("(")
        body = self.inner.get(path)
        if layer.kind == "use":
            text, bound = f"{layer.name} (shared)", ""
        detail = bound.rpartition(")")[0]
        detail = detail if len(detail) <= _LONG else detail[: _LONG - 1] + "…"
        names = tuple(o.target.name for o in body.outputs) if body is not None else ("output",)
        title = f"{self.run.instance} = {text}" if in_cell else text
        at = self.board.add(CellBox(title, detail, len(sources), names, "" if in_cell else way, name), *sources)
        self.board.boxes[self.run.instance if in_cell else path] = at
        return (at, 0) if len(names) == 1 else {n: (at, i) for i, n in enumerate(names)}

    def both(self, layer: f.Layer, sources: list[Port], path: str, way: Direction, name: m.Math | None) -> Ports:
        """Two layers, and what puts them together."""
        ways: tuple[Direction, Direction] = (way, _turned(way))
        labels = ("forward", "backward")
        results = [
            self.layer(part, sources, f"{path}.{label}", w, None)
            for part, label, w in zip(layer.parts, labels, ways, strict=True)
        ]
        first, second = results
        return self.merged(first, second, dict(layer.options).get("merge", "concat"), name)

    def merged(self, first: Ports, second: Ports, merge: str, name: m.Math | None) -> Ports:
        """What puts both directions together: each of several outputs for itself."""
        if isinstance(first, dict) and isinstance(second, dict) and merge != "none" and first.keys() == second.keys():
            return {key: self.merged(first[key], second[key], merge, None) for key in first}
        if merge == "none" or isinstance(first, dict) or isinstance(second, dict):
            return {"forward": first, "backward": second}
        if merge in ("sum", "product"):
            return self.board.add(Dot("+" if merge == "sum" else "⊙", 2, (), name), first, second), 0
        label = m.Named("concat" if merge == "concat" else merge)
        return self.board.add(Unit(label, 2, name=name), first, second), 0

    def stack(self, layer: f.Layer, sources: list[Port], path: str, way: Direction, name: m.Math | None) -> Ports:
        """Layers one after the other; very many equal ones are one box."""
        options = dict(layer.options)
        if len(layer.parts) > _SHOWN and len(set(layer.parts)) == 1:
            part = layer.parts[0]
            text, bracket, bound = part.name.partition("(")
            detail = bound.rpartition(")")[0] if bracket else part.kind
            title = f"{text or part.kind} × {len(layer.parts)}"
            at = self.board.add(CellBox(title, detail, len(sources), ("output",), way, name), *sources)
            self.board.boxes |= {f"{path}[{k}]": at for k in range(len(layer.parts))}
            return at, 0
        result: Ports = sources[0]
        for k, part in enumerate(layer.parts):
            last = k == len(layer.parts) - 1
            residual = options.get("residual") == "true"
            own = name if last and not residual else None
            result = self.layer(part, sources, f"{path}[{k}]", way, own)
            if isinstance(result, dict):
                return result
            if residual:
                result = self.board.add(Dot("+", 2, (), name if last else None), result, sources[0]), 0
            if "dropout" in options and not last:
                result = self.board.add(Unit(m.Named("dropout"), 1), result), 0
            sources = [result]
        return result


def _turned(way: Direction) -> Direction:
    return "backward" if way == "forward" else "forward"
