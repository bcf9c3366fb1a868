"""The TensorFlow target: `emit` writes a module for graphs, functions and eager calls, of 1.15 and of today."""

from rnnc.backends.tensorflow.module import emit

__all__ = ["emit"]
