"""The text of kernels: single elements, statements around them, and all kernels of a module."""
