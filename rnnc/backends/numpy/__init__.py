"""The NumPy target: `emit` writes a module that needs nothing but NumPy."""

from rnnc.backends.numpy.module import emit

__all__ = ["emit"]
