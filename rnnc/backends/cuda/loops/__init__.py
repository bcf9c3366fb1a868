"""Loops over steps, as kernels or from the host, and the blocks that hold them."""
