"""Random well-typed sources of the language: `draw_source` makes one from decisions, `sources` is the strategy."""

from tests.support.cells.sources import RandomSource, draw_source, sources

__all__ = ["RandomSource", "draw_source", "sources"]
