"""Layers of one kind, one above the other, with dropout between them: what `torch.nn` and cuDNN make in one call."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.importing.pieces import library
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.network import Flow, Meaning, Network
from rnnc.importing.pieces.pieces import Piece, piece


def layered(call: Call, cells: Sequence[Piece], *, both: bool) -> Meaning:
    """A layer for every cell, in one direction or both, with the call's `dropout` between layers."""
    definition = "StackedBidirectional" if both else "Multi"
    if call.fraction("dropout") == 0 or len(cells) == 1:
        several = list(cells)
        return piece(definition, {"fw": several, "bw": several} if both else {"cells": several})
    rate = call.rate("dropout")

    def build(network: Network, x: str) -> str:
        network.use(cells[0], x)
        network.pieces += cells[1:]
        texts = [f"bidirectional({cell.text})" if both else cell.text for cell in cells]
        of = f"{texts[0]}, {len(texts)}" if len(set(texts)) == 1 else f"[{', '.join(texts)}]"
        y = network.run("y", f"stack({of}, dropout = {rate!r})", x)
        if network.alone:
            _name_layers(network, definition, y, len(cells))
        return y

    return Flow(build)


def _name_layers(network: Network, definition: str, y: str, count: int) -> None:
    """Layouts with the scopes that the layers of a network of the library have, which knows no dropout."""
    layers = "len(fw)" if definition == "StackedBidirectional" else "len(cells)"
    for layout in ("tf", "keras", "onnx", "torch", "cudnn"):
        statements = library.scopes(definition, layout)
        network.layouts[layout] = [each.replace(layers, str(count)).replace("y[", f"{y}[") for each in statements]
    network.options["tf"] = 'constants = "float32"'
