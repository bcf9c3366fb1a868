"""Straight code: nodes as kernels and products that the host launches."""
