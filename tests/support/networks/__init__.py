"""Random networks: `draw_network` makes a source of one from decisions."""

from tests.support.networks.draw import draw_network

__all__ = ["draw_network"]
