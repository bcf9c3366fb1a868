"""What a drawing is put together on: pieces, and the wires between them."""

from __future__ import annotations

from typing import TypeAlias

from rnnc.pictures.drawing.pieces import Piece
from rnnc.pictures.equations import formula as f
from rnnc.pictures.placement.layered import Link

Port: TypeAlias = tuple[int, int]  # a piece, and which of its outputs
Ports: TypeAlias = "Port | dict[str, Ports]"


class Board:
    """The pieces and wires of one body, as far as they are drawn."""

    def __init__(self, body: f.Body) -> None:
        self.body = body
        self.pieces: list[Piece] = []
        self.links: list[Link] = []
        self.boxes: dict[str, int] = {}  # the pieces of instances

    def add(self, piece: Piece, *sources: Port) -> int:
        """A new piece with its wires."""
        self.pieces.append(piece)
        at = len(self.pieces) - 1
        self.links += [Link(s, out, at, into) for into, (s, out) in enumerate(sources)]
        return at
