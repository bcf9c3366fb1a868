"""Layers without states that every library has, each under its own name."""

from __future__ import annotations

from rnnc.importing.equations import names_in
from rnnc.importing.pieces.lowering import Call
from rnnc.importing.pieces.network import Flow, Network
from rnnc.importing.python.values import problem


def same(call: Call) -> Flow:
    """What comes in goes out."""
    return Flow(lambda network, x: x)


def table(call: Call, rows: str, width: str, array: str) -> Flow:
    """Rows of a table. `array`: what the library calls it. E606: it does not stand first."""

    def build(network: Network, x: str) -> str:
        if x not in network.inputs or any(x in names_in(line.value) for line in network.lines):
            raise problem("E606", "Embedding stands first: it takes whole numbers", call.made.span)
        network.inputs[x] = f"{x}[]: int"
        e = network.equation("e", f"embedding({x}, {rows}, {width})")
        network.width = width
        network.arrays[array] = f"{e}.embedding.table"
        return e

    return Flow(build)


def flatten(call: Call) -> Flow:
    """Of one step, which is flat. E606: there are several."""

    def build(network: Network, x: str) -> str:
        if network.is_sequence:
            raise problem("E606", "Flatten: a description does not know how many steps there are", call.made.span)
        return x

    return Flow(build)
