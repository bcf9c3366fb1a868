"""Weights of other libraries: files that hold them, and conversion through the layouts that cells declare."""
