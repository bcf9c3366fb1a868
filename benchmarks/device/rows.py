"""What is compared: cells, shapes and dtypes, the most telling first, since time may run out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.device.cells import CELLS, Cell


@dataclass(frozen=True)
class Row:
    """One line: steps, rows of the batch, features of the input, units; layers, and whether in both directions."""

    cell: str
    time: int
    batch: int
    input: int
    units: int
    dtype: str
    layers: int = 1
    both: bool = False

    @property
    def about(self) -> Cell:
        return CELLS[self.cell]

    @property
    def network(self) -> str:
        """What it is, as the results call it."""
        return self.cell + (f", {self.layers} layers" if self.layers > 1 else "") + (", bidirectional" * self.both)

    @property
    def shape(self) -> str:
        return " x ".join(map(str, (self.time, self.batch, self.input, self.units)))

    @property
    def module(self) -> str:
        """The name of its module, which has these sizes but runs any time, batch and dtype."""
        kind = "".join(letter if letter.isalnum() else "_" for letter in self.network.lower())
        return f"{kind}_{self.input}_{self.units}"

    def like(self, **changes: int) -> Row:
        return replace(self, **changes)


def rows() -> list[Row]:
    """All of them, each once; halves first, which are what loops of few rows are made for."""
    return sorted(dict.fromkeys(_rows()), key=lambda row: ("float16", "bfloat16", "tf32", "float32").index(row.dtype))


def _rows() -> Iterator[Row]:
    halves = ("float16", "bfloat16")
    first = [Row("LSTM", 1024, 16, 768, 768, dtype) for dtype in ("float32", *halves)]
    yield from first
    yield from (Row(cell, 100, 64, 512, 512, dtype) for cell in ("LSTM", "GRU") for dtype in ("float32", "tf32"))
    yield from (row.like(time=time) for row in first for time in (256, 2048))  # the slope is what a step costs
    yield from (row.like(batch=batch) for row in first for batch in (1, 2, 8, 64, 128, 256))
    resets = ("GRU", "GRU, reset before")
    yield from (Row(cell, 1024, 16, 512, 512, dtype) for cell in resets for dtype in ("float32", *halves))
    for cell in ("peephole LSTM", "layer-norm LSTM", "IndRNN", "sLSTM", "invented"):
        yield from (Row(cell, 1024, 32, 512, 512, dtype) for dtype in ("float32", "float16"))
    for layers in (2, 4):
        yield from (Row("LSTM", 512, 32, 512, 512, dtype, layers=layers) for dtype in ("float32", "float16"))
    yield from (Row("LSTM", 512, 32, 512, 512, dtype, both=True) for dtype in ("float32", "float16"))
    for cell in ("minGRU", "SRU"):
        yield from (Row(cell, time, 8, 1536, 1536, d) for time in (4096, 65536) for d in ("float32", "float16"))
    for units in (1536, 2048, 4096):
        yield from (Row("LSTM", 1024, batch, units, units, "bfloat16") for batch in (1, 16))
    for units in (40, 128, 192):
        yield from (Row(c, 3000, b, 64, units, "float16") for c in ("LSTM", "GRU") for b in (1, 6, 32))
    for units in (200, 500, 1000):
        yield from (Row("LSTM", 1024, batch, 500, units, "float16") for batch in (5, 13))  # nothing divides them


def tiny(row: Row) -> Row:
    """The same with sizes that a CPU has time for."""
    return replace(row, time=3, batch=2, input=5, units=4)
