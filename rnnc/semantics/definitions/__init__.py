"""Cells and networks: their statements, cells inside of cells, and one elaboration of it all."""
